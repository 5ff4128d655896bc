"""Sampling of trajectory consistency models: a jump to below the next level, and fresh noise up to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import along_noise, raised


@dataclass(frozen=True, kw_only=True)
class TCDConfig:
    """The sampler's settings.

    Args:
        eta: how far below the next level a jump ends, as a share of its time, the paper's gamma: 0 ends at the level
            and draws no noise, 1 at clean data, or at the first step of a discrete process.
    """

    eta: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta must be in [0, 1], got {self.eta}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`tcd` with these settings."""
        return tcd(denoise, x, process, times, noise, eta=self.eta)


def tcd(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, eta: float = 0.3
) -> Iterator[Stage]:
    """Jump along the noise that the denoiser finds to below the next level, and draw noise up to it.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
        noise: the draw of step *i*; not asked for where ``eta`` is 0, nor in the last step, which ends below its level.
        eta: see :class:`TCDConfig`.

    Yields:
        One stage after each step.

    Reference: J. Zheng et al., "Trajectory consistency distillation", arXiv:2402.19159, algorithm 4 and equation 27.
    """
    last = len(times) - 2
    for i, (level, below) in enumerate(pairwise(process.at(t) for t in times)):
        clean = denoise(x, level).clean
        deep = process.at(_deep(process, below.t, eta))
        x = along_noise(x, clean, level, deep)
        if i < last and eta > 0:
            x = raised(x, deep, below, noise(i))
        yield Stage(x, clean, below if i < last else deep)


def _deep(process: Process, t: Tensor, eta: float) -> Tensor:
    """The time where a jump ends: a whole one of a discrete process, whose steps count from the first."""
    if not isinstance(process, DiscreteProcess):
        return (1 - eta) * t
    # Rounded as the published sampler rounds, in float32; clean data have no steps below them.
    return torch.where(t > 0, 1 + ((1 - eta) * (t - 1).float()).floor().double(), t)
