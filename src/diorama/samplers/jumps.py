"""Sampling of models that know the average slope of a path between any two of its times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import along_noise


@dataclass(frozen=True, kw_only=True)
class JumpsConfig:
    """The sampler, which has no settings."""

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`jumps`."""
        return jumps(denoise, x, process, times)


def jumps(denoise: Denoise, x: Tensor, process: Process, times: Tensor) -> Iterator[Stage]:
    """Tell the model where each step ends, and go there along its average slope.

    The clean sample that a straight path's average slope implies is the one whose DDIM step leads to the step's end.

    Args:
        denoise: of a model of two times.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.

    Yields:
        One stage after each step.

    Reference: Z. Geng, M. Deng, X. Bai, J. Z. Kolter, K. He, arXiv:2505.13447, equation 12.
    """
    for t, end in pairwise(times):
        level, below = process.at(t), process.at(end)
        clean = denoise(x, replace(level, until=end)).clean
        x = along_noise(x, clean, level, below)
        yield Stage(x, clean, below)
