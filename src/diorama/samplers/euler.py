"""Euler's method on the probability-flow path of ``x / alpha``, with noise stirred in where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.curves import CurveSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow_spacing import FlowSpacing
from diorama.processes.gaussian import along_noise, like, noise_of, on
from diorama.processes.precondition import EDMPreconditioning
from diorama.samplers.churn import ChurnConfig

Kept = Literal["noise", "velocity", "clean", "output"]
"""Which prediction of the network, made before noise is stirred in, counts for the sample with it; ``output`` is what
the network put out under EDM's preconditioning."""


@dataclass(frozen=True, kw_only=True)
class EulerConfig(ChurnConfig):
    """The sampler's settings, beside those of churn. Without churn its steps are DDIM's.

    Args:
        kept: the network is asked before noise is stirred in, and this of what it says is kept, as diffusers does;
            ``None`` asks it afterwards, as in the paper.
        sigma_data: of the preconditioning, where its output is kept.
        told: the network is told the times of this spacing in place of those of the levels, as by diffusers where
            sigmas are spaced apart from the times.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 2 without its correction.
    """

    kept: Kept | None = None
    sigma_data: float = field(default=0.5, metadata={LATER: True})
    told: CurveSpacing | FlowSpacing | None = field(default=None, metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`euler` with these settings."""
        return euler(denoise, x, process, times, noise, config=self)


def euler(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: EulerConfig
) -> Iterator[Stage]:
    """Walk down the ratios of noise to signal.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for without churn.
        config: of churn, which goes no further than the last level of a process of steps, as in
            :func:`~diorama.samplers.heun.heun`; with ``kept`` it does, since the network is asked before it.

    Yields:
        One stage after each step.
    """
    told = times if config.told is None else config.told.times(process, len(times) - 1)
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = replace(process.at(t), t=told[i]), process.at(end)
        ratio = level.sigma / level.alpha
        raised = ratio * (1 + config.raised_by(ratio, len(times) - 1))
        if config.kept is None:
            raised = _reached(process, raised)
        if not raised > ratio:
            # Also where no signal is left, and x / alpha has no value.
            clean = denoise(x, level).clean
            x = along_noise(x, clean, level, below)
            yield Stage(x, clean, below)
            continue
        u = x / like(level.alpha, x)
        stirred = u + like((raised**2 - ratio**2).sqrt(), x) * config.churn_scale * noise(i)
        if config.kept is None:
            above = process.at(process.time_of(raised))
            clean = denoise(like(above.alpha, x) * stirred, above).clean
        else:
            clean = _kept(config, denoise(x, level).clean, (u, stirred), (ratio, raised))
        ended = stirred + like(below.sigma / below.alpha - raised, x) * (stirred - clean) / like(raised, x)
        x = like(below.alpha, x) * ended
        yield Stage(x, clean, below)


def _reached(process: Process, ratio: Tensor) -> Tensor:
    """A ratio sigma / alpha, or the process's largest where that is less: no network knows noisier levels."""
    if not ratio.isfinite():
        return ratio
    end = process.at(process.time_of(ratio))
    largest = end.sigma / end.alpha
    # Looking a time up and back again errs by roundings, which are to change nothing.
    return largest if largest < ratio * (1 - 1e-6) else ratio


def _kept(config: EulerConfig, clean: Tensor, samples: tuple[Tensor, Tensor], ratios: tuple[Tensor, Tensor]) -> Tensor:
    """The clean sample of the stirred sample that a prediction for the plain one implies."""
    (u, stirred), (ratio, raised) = samples, ratios
    if config.kept == "clean":
        return clean
    if config.kept == "output":
        preconditioning = EDMPreconditioning(sigma_data=config.sigma_data)
        level, above = (on(ExplodingProcess().at(r), u) for r in ratios)
        output = preconditioning.target(clean, noise_of(u, clean, level), level)
        return preconditioning.clean(output, stirred, above)
    if config.kept == "velocity":
        # v fixes the clean sample up to x / sqrt(1 + r²), of which the clean sample holds the same share again.
        return clean + (stirred - u) / like(1 + ratio**2, u)
    return stirred - like(raised / ratio, u) * (u - clean)
