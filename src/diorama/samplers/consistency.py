"""Sampling of consistency models, which jump to clean data from any level: once, or again after fresh noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import like


@dataclass(frozen=True, kw_only=True)
class ConsistencyConfig:
    """The sampler's settings.

    Args:
        sigma_min: sigma / alpha that is left in what the model calls clean, so that so much less noise is drawn.
    """

    sigma_min: float = 0.002

    def __post_init__(self) -> None:
        if not self.sigma_min >= 0:
            raise ValueError(f"sigma_min must be at least 0, got {self.sigma_min}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`consistency` with these settings."""
        return consistency(denoise, x, process, times, noise, config=self)


def consistency(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, config: ConsistencyConfig
) -> Iterator[Stage]:
    """Find the clean sample, draw noise of the next level onto it, and so on; with one step it is the model's answer.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling, (n + 1,) float64 on the CPU; a last one above 0 leaves its noise in the samples.
        noise: the draw of step *i*; none is asked for where no noise is wanted.
        config: what noise a clean sample has.

    Yields:
        One stage after each step.

    Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, algorithm 1.
    """
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        clean = denoise(x, level).clean
        added = (below.sigma**2 - (below.alpha * config.sigma_min) ** 2).clamp(min=0).sqrt()
        x = like(below.alpha, x) * clean
        if bool((added > 0).any()):
            x = x + like(added, x) * noise(i)
        yield Stage(x, clean, below)
