"""Linear multistep sampling: Adams and Bashforth's method on the probability-flow path, for steps of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import like, noise_of, on
from diorama.samplers.serving import needs_signal


@dataclass(frozen=True, kw_only=True)
class LMSConfig:
    """The sampler's settings.

    Args:
        order: how many of the last slopes are combined; the first steps have fewer.
    """

    order: int = 4

    def __post_init__(self) -> None:
        if self.order < 1:
            raise ValueError(f"order must be at least 1, got {self.order}")

    def check(self, process: Process, times: Tensor) -> None:
        """Refuse levels that it cannot walk; raises ValueError."""
        needs_signal("lms", process, times)

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`lms` with these settings."""
        return lms(denoise, x, process, times, order=self.order)


def lms(denoise: Denoise, x: Tensor, process: Process, times: Tensor, *, order: int = 4) -> Iterator[Stage]:
    """Walk down the ratios r of noise to signal; the slope of ``x / alpha`` by r is the noise.

    Each step integrates the polynomial through the last slopes.

    Args:
        denoise: the meaning of the network, called once a step.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        order: see :class:`LMSConfig`.

    Yields:
        One stage after each step.

    Raises:
        ValueError: the first level has no signal, so that there is no ratio.

    Reference: K. Crowson's k-diffusion, ``sample_lms`` of 2022; E. Hairer, S. P. Nørsett, G. Wanner, "Solving ordinary
    differential equations I", 1993, section III.5.
    """
    needs_signal("lms", process, times)
    levels = [process.at(t) for t in times]
    ratios = [float(level.sigma / level.alpha) for level in levels]
    slopes: list[Tensor] = []
    for i, (level, below) in enumerate(pairwise(levels)):
        clean = denoise(x, level).clean
        slopes = [noise_of(x, clean, on(level, x)), *slopes[: order - 1]]
        past = ratios[i::-1][: len(slopes)]
        moved = sum(weight * slope for weight, slope in zip(_weights(past, ratios[i + 1]), slopes, strict=True))
        x = like(below.alpha, x) * (x / like(level.alpha, x) + moved)
        yield Stage(x, clean, below)


def _weights(past: list[float], end: float) -> list[float]:
    """Integrals from ``past[0]`` to ``end`` of the polynomials that are 1 at one past place and 0 at the others."""
    nodes, shares = np.polynomial.legendre.leggauss(len(past))
    half = (end - past[0]) / 2
    # Gauss's rule is exact for polynomials of this degree.
    places = past[0] + half * (nodes + 1)
    return [
        float(half * np.sum(shares * np.prod([(places - q) / (p - q) for q in past if q != p], axis=0))) for p in past
    ]
