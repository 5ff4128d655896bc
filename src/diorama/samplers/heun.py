"""Heun's method on the probability-flow path, with noise stirred in where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.gaussian import like, noise_of, on
from diorama.samplers.churn import ChurnConfig


@dataclass(frozen=True, kw_only=True)
class HeunConfig(ChurnConfig):
    """The sampler's settings, beside those of churn; the defaults are deterministic.

    Args:
        along: what a step is straight in: the process's time, or the ratio sigma / alpha, in which the path of
            ``x / alpha`` is straight wherever the clean sample stays the same. They agree where sigma is the time.
    """

    along: Literal["time", "ratio"] = field(default="time", metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`heun` with these settings."""
        return heun(denoise, x, process, times, noise, config=self)


def heun(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: HeunConfig | None = None
) -> Iterator[Stage]:
    """Take Euler's step, and correct it by the slope at its end.

    Along time the path's slope is ``alpha' clean + sigma' noise``, which holds for any process and has no division by
    alpha. Along the ratio of sigma and alpha the slope of ``x / alpha`` is the noise.

    Args:
        denoise: the meaning of the network, called twice a step and once in the last.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for without churn.
        config: of churn and coordinates; ``None`` for none and for time.

    Yields:
        One stage after each step.

    Raises:
        ValueError: the ratio is walked along, and the first level has no signal.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 2 (algorithm 1 without churn); as
    there, the noise that churn adds raises sigma / alpha by the share gamma.
    """
    settings = config or HeunConfig()
    if settings.along == "ratio" and process.at(times[0]).alpha == 0:
        raise ValueError("along: no signal is left at the first level, so that there is no ratio; walk along 'time'")
    for i, (start, below) in enumerate(pairwise(times)):
        t = _raised(process, start, len(times) - 1, settings)
        if t > start:
            x = _stirred(x, process, start, t, settings.churn_scale * noise(i))
        clean = denoise(x, process.at(t)).clean
        if below > 0:
            slope = _slope(x, clean, process, t, settings.along)
            moved = _moved(x, slope, process, (t, below), settings.along)
            again = denoise(moved, process.at(below)).clean
            slope = (slope + _slope(moved, again, process, below, settings.along)) / 2
            x = _moved(x, slope, process, (t, below), settings.along)
        else:
            # The path ends at the denoiser's sample. Where alpha and sigma are straight in t, Euler's step says so too;
            # the slope of a discrete process just above clean data does not hold down to them.
            x = clean
        yield Stage(x, clean, process.at(below))


def _raised(process: Process, t: Tensor, steps: int, config: HeunConfig) -> Tensor:
    """The time whose sigma / alpha is the share gamma above that of ``t``; t itself where nothing is stirred in."""
    level = process.at(t)
    ratio = level.sigma / level.alpha
    gamma = config.raised_by(ratio, steps)
    return process.time_of(ratio * (1 + gamma)).clamp(max=process.end) if gamma else t


def _stirred(x: Tensor, process: Process, t: Tensor, raised: Tensor, noise: Tensor) -> Tensor:
    """A sample at time t brought up to a noisier time."""
    level, above = process.at(t), process.at(raised)
    shrink = above.alpha / level.alpha
    added = (above.sigma**2 - (shrink * level.sigma) ** 2).clamp(min=0).sqrt()
    return like(shrink, x) * x + like(added, x) * noise


def _slope(x: Tensor, clean: Tensor, process: Process, t: Tensor, along: Literal["time", "ratio"]) -> Tensor:
    """How the path through ``x`` on which the clean sample is ``clean`` moves on."""
    noise = noise_of(x, clean, on(process.at(t), x))
    if along == "ratio":
        return noise
    of_clean, of_noise = process.slopes(t)
    return like(of_clean, x) * clean + like(of_noise, x) * noise


def _moved(
    x: Tensor, slope: Tensor, process: Process, ends: tuple[Tensor, Tensor], along: Literal["time", "ratio"]
) -> Tensor:
    """A sample at the first of two times brought to the second."""
    t, below = ends
    if along == "time":
        return x + like(below - t, x) * slope
    return _along_ratio(x, slope, process.at(t), process.at(below))


def _along_ratio(x: Tensor, noise: Tensor, level: Level, below: Level) -> Tensor:
    """alpha' (x / alpha + (ratio' - ratio) noise)."""
    shrink = below.alpha / level.alpha
    return like(shrink, x) * x + like(below.sigma - shrink * level.sigma, x) * noise


def heun_step(denoise: Denoise, x: Tensor, level: Level, below: Level) -> Tensor:
    """One step along the ratio of sigma and alpha, from levels that may differ from sample to sample.

    Args:
        denoise: the meaning of the network, called twice.
        x: (b, ...) samples at ``level``.
        level: broadcasts against ``x``; has some signal.
        below: likewise, lower and with some noise.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 1.
    """
    noise = noise_of(x, denoise(x, level).clean, on(level, x))
    moved = _along_ratio(x, noise, level, below)
    again = noise_of(moved, denoise(moved, below).clean, on(below, x))
    return _along_ratio(x, (noise + again) / 2, level, below)
