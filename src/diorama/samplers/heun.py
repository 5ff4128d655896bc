"""Heun's method and its kin on the probability-flow path, with noise stirred in where it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.processes.gaussian import like, noise_of, on, raised
from diorama.processes.sde import flow_slope
from diorama.samplers.churn import ChurnConfig
from diorama.samplers.serving import needs_slopes

Along = Literal["time", "ratio"]


@dataclass(frozen=True, kw_only=True)
class HeunConfig(ChurnConfig):
    """The sampler's settings, beside those of churn; the defaults are deterministic.

    Args:
        along: what a step is straight in: the process's time, or the ratio sigma / alpha, in which the path of
            ``x / alpha`` is straight wherever the clean sample stays the same. They agree where sigma is the time.
        corrected: whether the slope at the start is corrected by a second one; without it, the step is Euler's.
        second: where the second slope is taken, as a share of the step: 1 is Heun's method, 1/2 the midpoint method
            and 2/3 Ralston's. It is alpha in appendix D.2 of the paper. Above 1 the process must have the times beyond
            the step's end.
        last: where the last step ends: at the denoiser's sample, or as the slope at its start says, which is the same
            along the ratio, and along the time of a process whose sigma / alpha and alpha are straight in it.
        churn_beyond: whether churn may go above the end of the process, as in the paper.
    """

    along: Along = field(default="time", metadata={LATER: True})
    corrected: bool = field(default=True, metadata={LATER: True})
    second: float = field(default=1.0, metadata={LATER: True})
    last: Literal["clean", "slope"] = field(default="clean", metadata={LATER: True})
    churn_beyond: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 0 < self.second < math.inf:
            raise ValueError(f"second must be positive and finite, got {self.second}")

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse to walk along a ratio that the first level does not have, or along slopes that the process has not.

        Args:
            process: whose levels are walked.
            times: of the levels, falling from noise to data, (n + 1,).

        Raises:
            ValueError: saying why.
        """
        if self.along == "ratio" and process.at(times[0]).alpha == 0:
            raise ValueError(
                "along: no signal is left at the first level, so that there is no ratio; walk along 'time'"
            )
        if self.along == "time":
            needs_slopes("heun", process, times)

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`heun` with these settings."""
        return heun(denoise, x, process, times, noise, config=self)


def heun(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: HeunConfig | None = None
) -> Iterator[Stage]:
    """Take Euler's step, and correct it by a second slope, at its end or at another place.

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
        ValueError: the ratio is walked along, and the first level has no signal; or a second slope is asked for at a
            time that the process does not have.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 2 (algorithm 1 without churn,
    algorithm 3 for other places of the second slope); as there, the noise that churn adds raises sigma / alpha by the
    share gamma.
    """
    settings = config or HeunConfig()
    settings.check(process, times)
    for i, (start, below) in enumerate(pairwise(times)):
        t = _raised(process, start, len(times) - 1, settings)
        if t > start:
            x = raised(x, process.at(start), process.at(t), settings.churn_scale * noise(i))
        clean = denoise(x, process.at(t)).clean
        if below == 0 and settings.last == "clean":
            # Where alpha and sigma are straight in t, Euler's step says so too; the slope of a discrete process just
            # above clean data does not hold down to them.
            x = clean
        else:
            slope = _slope(x, clean, process, t, settings.along)
            if settings.corrected and below > 0:
                slope = _corrected(denoise, x, slope, process, (t, below), settings)
            x = _moved(x, slope, process, (t, below), settings.along)
        yield Stage(x, clean, process.at(below))


def _corrected(
    denoise: Denoise, x: Tensor, slope: Tensor, process: Process, ends: tuple[Tensor, Tensor], config: HeunConfig
) -> Tensor:
    """The slope that both together give for a step between two times."""
    place = _within(process, ends, config.second, config.along)
    moved = _moved(x, slope, process, (ends[0], place), config.along)
    again = denoise(moved, process.at(place)).clean
    share = 1 / (2 * config.second)
    return (1 - share) * slope + share * _slope(moved, again, process, place, config.along)


def _within(process: Process, ends: tuple[Tensor, Tensor], share: float, along: Along) -> Tensor:
    """The time at which a share of a step is done."""
    t, below = ends
    if share == 1:
        return below
    if along == "time":
        place = t + share * (below - t)
    else:
        start, end = (level.sigma / level.alpha for level in (process.at(t), process.at(below)))
        place = process.time_of(start + share * (end - start))
    if not process.at(place).sigma.isfinite():
        raise ValueError(f"second: {share} of the step from time {t:g} to {below:g} leads to a time that is not there")
    return place


def _raised(process: Process, t: Tensor, steps: int, config: HeunConfig) -> Tensor:
    """The time whose sigma / alpha is the share gamma above that of ``t``; t itself where nothing is stirred in."""
    level = process.at(t)
    ratio = level.sigma / level.alpha
    gamma = config.raised_by(ratio, steps)
    if not gamma:
        return t
    above = process.time_of(ratio * (1 + gamma))
    return above if config.churn_beyond else above.clamp(max=process.end)


def _slope(x: Tensor, clean: Tensor, process: Process, t: Tensor, along: Along) -> Tensor:
    """How the path through ``x`` on which the clean sample is ``clean`` moves on."""
    if along == "ratio":
        return noise_of(x, clean, on(process.at(t), x))
    return flow_slope(x, clean, process, t)


def _moved(x: Tensor, slope: Tensor, process: Process, ends: tuple[Tensor, Tensor], along: Along) -> Tensor:
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
