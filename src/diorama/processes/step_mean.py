"""Networks that predict the mean of the step backwards itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import Posterior, posterior
from diorama.processes.precondition import LearnedVariance


@dataclass(frozen=True, kw_only=True)
class StepMeanPreconditioning:
    """The network sees the noisy sample as it is, and puts out the mean of what it was a step below.

    Args:
        process: whose steps they are; the model's own.
        visited: the times of the chain of steps that the network learned, rising; empty for all.
        time_scale: the network is told ``t - 1`` times this.
        variance: what the second half of its channels says of the step's variance.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 8 and table 2; A. Nichol, P. Dhariwal,
    arXiv:2102.09672, published code (``PREVIOUS_X``).
    """

    two_times: ClassVar[bool] = False

    process: DiscreteProcess
    visited: tuple[int, ...] = ()
    time_scale: float = 1.0
    variance: LearnedVariance = "none"

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.visited, self.visited[1:], strict=False))
        if self.visited and not (rising and self.visited[0] >= 1 and self.visited[-1] <= self.process.steps):
            raise ValueError(f"visited: times must rise, from 1 to {self.process.steps} at most, got {self.visited}")

    def input(self, level: Level) -> Tensor:
        """1."""
        return torch.ones_like(level.sigma)

    def time(self, level: Level) -> Tensor:
        """t - 1, scaled."""
        return self.time_scale * (level.t - 1)

    def target(self, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """The mean of the true step backwards."""
        step = self._step(level)
        return step.of_x * (level.alpha * clean + level.sigma * noise) + step.of_clean * clean

    def clean(self, output: Tensor, x: Tensor, level: Level) -> Tensor:
        """The clean sample that leads to this mean."""
        step = self._step(level)
        return (output - step.of_x * x) / step.of_clean

    def weight(self, level: Level) -> Tensor:
        """The square of what a clean sample weighs in the mean."""
        return self._step(level).of_clean ** 2

    def _step(self, level: Level) -> Posterior:
        t = level.t
        before = t - 1
        if self.visited:
            visited = _tensor((0, *self.visited), t.dtype, t.device)
            before = visited[torch.searchsorted(visited, t.contiguous()) - 1]
        # Differences of levels are small: they are taken in float64, whatever the samples are of.
        step = posterior(self.process.at(t.double()), self.process.at(before.double()))
        return Posterior(*(value.to(level.sigma) for value in step))


# Recorded steps read the tensor where it lies, so none may be let go.
@cache
def _tensor(values: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)
