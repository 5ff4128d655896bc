"""Levels that end a little above clean data, where those of some processes are too steep to step on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.spacing import needed


@dataclass(frozen=True, kw_only=True)
class TruncatedSpacing:
    """Evenly spaced times from the process's end to a last one, after which clean data follow.

    Args:
        last: the least time above clean data.

    Reference: Y. Song et al., arXiv:2011.13456, appendix C (epsilon).
    """

    last: float

    def __post_init__(self) -> None:
        if not self.last > 0:
            raise ValueError(f"last must be positive, got {self.last:g}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`."""
        count = needed(count, least=2)
        if not self.last < process.end:
            raise ValueError(f"last: {self.last:g} is no time before the process's end, {process.end:g}")
        times = torch.linspace(process.end, self.last, count, dtype=torch.float64, device="cpu")
        return torch.cat([times, times.new_zeros(1)])
