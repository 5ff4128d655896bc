"""DPS: after every step the sample is moved against the gradient of its measurement error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Prediction, Process, Stage
from diorama.processes.gaussian import like
from diorama.samplers.catalog import AnySampler
from diorama.samplers.inpainting import ShiftedDraws, one_at_a_time
from diorama.samplers.inverse.measurement import Measurement, detached


@dataclass(frozen=True, kw_only=True)
class DPSConfig:
    """How far a sample is moved.

    Args:
        step: zeta as the authors' code has it: length of the move for a gradient of 1, in the scale of a
            variance-preserving process; half of what algorithm 1 makes of the same number.

    Reference: H. Chung, J. Kim, M. T. McCann, M. L. Klasky, J. C. Ye, arXiv:2209.14687, algorithm 1 and appendix D.1.
    """

    step: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.step < float("inf"):
            raise ValueError(f"step must be above 0, got {self.step:g}")

    def run(
        self,
        denoise: Denoise,
        x: Tensor,
        process: Process,
        times: Tensor,
        noise: DrawNoise,
        *,
        sampler: AnySampler,
        measurement: Measurement,
    ) -> Iterator[Stage]:
        """Walk down the levels with a sampler that takes its steps one at a time.

        The gradient is that of the length of the measurement error, as in the authors' code. Algorithm 1 writes the
        gradient of its square and divides by the length once, which is twice as far: for the same zeta this step, and
        that of the code, is half of the algorithm's.

        Args:
            denoise: the meaning of the network; differentiable by ``x``.
            x: (b, c, h, w) a sample at the first level.
            process: whose levels are walked.
            times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
            noise: draws of step *i*.
            sampler: takes the steps.
            measurement: what the samples are to explain.

        Yields:
            One stage after each step.

        Raises:
            ValueError: the sampler cannot take its steps one at a time.
        """
        single = one_at_a_time(sampler, len(times) - 1)
        for i, (t, end) in enumerate(pairwise(times)):
            level, below = process.at(t), process.at(end)
            watched, clean = _Watched(denoise, measurement), x
            for stage in single.run(watched, x, process, times[i : i + 2], ShiftedDraws(noise, i)):
                x, clean = stage.x, clean if stage.clean is None else stage.clean
            # Both ends as they would be in a process whose variance is 1.
            length = like(_length(level) * _length(below), x)
            x = x - self.step * length * watched.gradient
            yield Stage(x, clean, below)


class _Watched:
    """A denoiser that keeps, of its first call, the gradient by x of the length of the measurement error."""

    def __init__(self, denoise: Denoise, measurement: Measurement) -> None:
        self.denoise, self.measurement = denoise, measurement
        self._gradient: Tensor | None = None

    @property
    def gradient(self) -> Tensor:
        """(b, c, h, w)."""
        assert self._gradient is not None, "every sampler asks for the clean sample"
        return self._gradient

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        if self._gradient is not None:
            return self.denoise(x, level)
        with torch.enable_grad():
            given = x.detach().requires_grad_()
            found = self.denoise(given, level)
            error = self.measurement.y - self.measurement.operator.forward(found.clean)
            (self._gradient,) = torch.autograd.grad(error.flatten(1).norm(dim=1).sum(), given)
        return detached(found)


def _length(level: Level) -> Tensor:
    return (level.alpha**2 + level.sigma**2).sqrt()
