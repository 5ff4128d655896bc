"""Sampling of models that are told where each step ends: mean flows, inductive moment matching."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.processes.gaussian import along_noise, noised, on


@dataclass(frozen=True, kw_only=True)
class JumpsConfig:
    """The sampler's settings.

    Args:
        restart: every step goes all the way, and the next one starts from its answer under fresh noise.
    """

    restart: bool = field(default=False, metadata={LATER: True})

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`jumps`, or :func:`restarts`."""
        return restarts(denoise, x, process, times, noise) if self.restart else jumps(denoise, x, process, times)


def jumps(denoise: Denoise, x: Tensor, process: Process, times: Tensor) -> Iterator[Stage]:
    """Tell the model where each step ends, and go there by a DDIM step towards the clean sample that it finds.

    For a mean flow that is a step along its average slope: the clean sample that a straight path's average slope
    implies is the one whose DDIM step leads to the step's end.

    Args:
        denoise: of a model of two times.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.

    Yields:
        One stage after each step.

    Reference: Z. Geng, M. Deng, X. Bai, J. Z. Kolter, K. He, arXiv:2505.13447, equation 12; L. Zhou, S. Ermon, J. Song,
    arXiv:2503.07565, algorithm 4 (pushforward sampling).
    """
    for t, end in pairwise(times):
        level, below = process.at(t), process.at(end)
        clean = denoise(x, replace(level, until=end)).clean
        x = along_noise(x, clean, level, below)
        yield Stage(x, clean, below)


def restarts(denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
    """Go to the last level in every step, and start the next one there under fresh noise of its level.

    Args:
        denoise: as of :func:`jumps`.
        x: likewise.
        process: likewise.
        times: likewise.
        noise: the draw of step *i*; the last step asks for none.

    Yields:
        One stage after each step.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, algorithm 5 (restart sampling).
    """
    last = process.at(times[-1])
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = process.at(t), process.at(end)
        clean = denoise(x, replace(level, until=last.t)).clean
        x = along_noise(x, clean, level, last)
        if i < len(times) - 2:
            x = noised(x, noise(i), on(below, x))
        yield Stage(x, clean, below)
