"""The levels that EDM's predecessors visit, as ratios sigma / alpha of any process.

Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, table 1 (time steps) and appendix C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing, needed


@dataclass(frozen=True, kw_only=True)
class PreservingSpacing:
    """Evenly spaced times of a variance-preserving process: column "VP".

    Args:
        low: sigma / alpha of the last level before clean data.
        high: sigma / alpha of the first level.
        last: time of the last level; the first one's is 1. The process is fitted to these ends, see
            :meth:`~diorama.processes.preserving.PreservingProcess.between`.
    """

    low: float = 0.01
    high: float = 152.0
    last: float = 1e-3

    def __post_init__(self) -> None:
        PreservingProcess.between(self.low, self.high, self.last)

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`."""
        share = _shares(needed(count))
        fitted = PreservingProcess.between(self.low, self.high, self.last)
        level = fitted.at(1 + share * (self.last - 1))
        return _down_to_data(process, level.sigma / level.alpha)


@dataclass(frozen=True, kw_only=True)
class GeometricSpacing:
    """Ratios of which each is the same share of the one before: column "VE".

    The same as :class:`~diorama.processes.spacing.KarrasSpacing` with an infinite ``rho``, which new models take; this
    name is kept for models that were stored with it.

    Args:
        low: sigma / alpha of the last level before clean data.
        high: sigma / alpha of the first level.
    """

    low: float = 0.02
    high: float = 100.0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < float("inf"):
            raise ValueError(f"0 < low < high must hold, got low={self.low} high={self.high}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`."""
        needed(count)
        return KarrasSpacing(low=self.low, high=self.high, rho=math.inf).times(process, count)


@dataclass(frozen=True, kw_only=True)
class TableSpacing:
    """Levels of a process of steps, evenly spaced in their number: column "iDDPM".

    Args:
        low: the least sigma / alpha that may be visited.
        high: the largest.
        of: the steps. Their levels between ``low`` and ``high`` are numbered, and of the even places between the first
            and the last number the nearest is taken, of two the even one.
    """

    low: float = 0.002
    high: float = 81.0
    of: DiscreteProcess = field(default_factory=lambda: DiscreteProcess(betas="cosine"))

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"0 < low < high must hold, got low={self.low} high={self.high}")
        if not len(self._ratios()):
            raise ValueError(f"low, high: none of the {self.of.steps} steps lies between {self.low} and {self.high}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`; without a count every level that may be visited."""
        ratios = self._ratios()
        if count is not None:
            needed(count)
            if count > len(ratios):
                raise ValueError(f"steps: {len(ratios)} levels lie between low and high, got {count}")
            apart = (len(ratios) - 1) / max(count - 1, 1)
            ratios = ratios[(apart * torch.arange(count, dtype=torch.float64, device="cpu")).round().long()]
        return _down_to_data(process, ratios)

    def _ratios(self) -> Tensor:
        """Those that may be visited, falling."""
        level = self.of.at(torch.arange(self.of.steps, 0, -1, dtype=torch.float64, device="cpu"))
        ratios = level.sigma / level.alpha
        return ratios[(ratios >= self.low) & (ratios <= self.high)]


def _shares(count: int) -> Tensor:
    """From 0 to 1: (count,) float64; 0 alone for one."""
    return torch.linspace(0, 1, count, dtype=torch.float64, device="cpu")


def _down_to_data(process: Process, ratios: Tensor) -> Tensor:
    times = process.time_of(ratios)
    return torch.cat([times, times.new_zeros(1)])
