"""Levels that are named one by one, of models that know no others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.core.numbers import counted


@dataclass(frozen=True, kw_only=True)
class RatioSpacing:
    """Levels by their ratios sigma / alpha, the noisiest first; after the last one come clean data.

    Args:
        ratios: that a model was trained at. Fewer steps than there are ratios visit the first of them.
    """

    ratios: tuple[float, ...] = (2.5,)

    def __post_init__(self) -> None:
        falls = all(above > below for above, below in pairwise(self.ratios))
        if not self.ratios or not falls or not all(0 < ratio < math.inf for ratio in self.ratios):
            raise ValueError(f"ratios: must be positive, finite and fall, got {self.ratios}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`; without a count all ratios.

        Raises:
            ValueError: there are fewer ratios, or a process has no such level.
        """
        count = len(self.ratios) if count is None else count
        if not 1 <= count <= len(self.ratios):
            trained = counted(len(self.ratios), "level")
            raise ValueError(f"steps: this model was trained at {trained}, so it draws in no more steps, got {count}")
        times = process.time_of(torch.tensor(self.ratios[:count], dtype=torch.float64, device="cpu"))
        return torch.cat([times, times.new_zeros(1)])
