"""Levels for models that jump from any level to any other: one, two, or a few."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.spacing import needed


@dataclass(frozen=True, kw_only=True)
class JumpSpacing:
    """Evenly spaced times from a first to a last one; of two steps, the second starts at a ratio of its own.

    Args:
        first: time at which samples start, as a share of the process's end; below 1, since models are not trained
            where no signal is left.
        last: time at which they end, likewise; 0 is clean data.
        middle: sigma / alpha at which the second of two steps starts.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, appendix I.2 (equation 117). The paper's ratio of 1.4 is of
    noise with the data's deviation: 0.7 here for a deviation of 0.5.
    """

    first: float = 0.994
    last: float = 0.006
    middle: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.last < self.first <= 1:
            raise ValueError(f"0 <= last < first <= 1 must hold, got first={self.first} last={self.last}")
        if not 0 < self.middle < float("inf"):
            raise ValueError(f"middle must be positive and finite, got {self.middle}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`; the last time is ``last``.

        Raises:
            ValueError: of two steps the second would not start between the first time and the last.
        """
        times = process.end * torch.linspace(
            self.first, self.last, needed(count) + 1, dtype=torch.float64, device="cpu"
        )
        if count == 2:
            times[1] = process.time_of(torch.tensor(self.middle, dtype=torch.float64, device="cpu"))
            if not times[0] > times[1] > times[2]:
                raise ValueError(f"middle: a ratio of {self.middle:g} does not lie between the first time and the last")
        return times
