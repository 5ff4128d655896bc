"""Levels of models that were distilled on a grid, of which a sampler visits a few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.discrete import with_steps
from diorama.processes.spacing import KarrasSpacing, check_count, needed, whole_steps


@dataclass(frozen=True, kw_only=True)
class DistilledSpacing:
    """Whole steps of a discrete process, evenly chosen from a grid of every (T // grid)-th one.

    Args:
        grid: steps that the model was distilled on.
        strength: share of the grid, from clean data on, that steps are chosen from.
        until: where the last step ends: at clean data, or at the process's first step, whose noise is left.

    Reference: S. Luo, Y. Tan, L. Huang, J. Li, H. Zhao, arXiv:2310.04378, section 4.3, published code.
    """

    grid: int = 50
    strength: float = 1.0
    until: Literal["clean", "first"] = "clean"

    def __post_init__(self) -> None:
        if self.grid < 1:
            raise ValueError(f"grid must be at least 1, got {self.grid}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must be in (0, 1], got {self.strength}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`; without a count all of the grid.

        Raises:
            ValueError: the process has no steps, fewer than the grid, or the grid fewer than are asked for.
        """
        process = with_steps(process, "spacing: visits")
        if self.grid > process.steps:
            raise ValueError(f"grid: {self.grid} steps of a process that has {process.steps}")
        chosen_from = int(self.grid * self.strength)
        count = chosen_from if count is None else count
        check_count(chosen_from, count)
        leap = process.steps // self.grid
        places = (chosen_from - math.floor(i * chosen_from / count) for i in range(count))
        ends = float(self.until == "first")
        return torch.tensor([*(leap * place for place in places), ends], dtype=torch.float64, device="cpu")


@dataclass(frozen=True, kw_only=True)
class KarrasGridSpacing:
    """Every (grid // count)-th of Karras' levels, from the noisiest on; the last step ends at ``low``.

    Args:
        low: sigma / alpha of the grid's last level, whose noise consistency models leave.
        high: sigma / alpha of its first level.
        rho: see :class:`~diorama.processes.spacing.KarrasSpacing`.
        grid: levels that the model was trained on.
        places: those that are visited, counted from the noisiest, in place of even ones; a single step visits the
            first.

    Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, section 3 and published code.
    """

    low: float = 0.002
    high: float = 80.0
    rho: float = 7.0
    grid: int = 40
    places: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        KarrasSpacing(low=self.low, high=self.high, rho=self.rho)
        if self.grid < 2:
            raise ValueError(f"grid must be at least 2, got {self.grid}")
        if list(self.places) != sorted(set(self.places)) or not all(0 <= place < self.grid for place in self.places):
            raise ValueError(f"places: must rise, from 0 to below {self.grid}, got {self.places}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`; the last time is that of ``low``.

        Raises:
            ValueError: more levels are asked for than the grid has, or other than ``places``.
        """
        return process.time_of(self.ratios((*self.visited(count), self.grid - 1)))

    def ratios(self, places: Sequence[int]) -> Tensor:
        """(n,) float64, sigma / alpha at places of the grid, counted from the noisiest."""
        shares = torch.tensor(places, dtype=torch.float64, device="cpu") / (self.grid - 1)
        ratios = KarrasSpacing(low=self.low, high=self.high, rho=self.rho).at(shares)
        # Where the grid ends no noise is drawn, be it of a rounding error.
        return ratios.masked_fill(shares == 1, self.low)

    def visited(self, count: int | None) -> tuple[int, ...]:
        """The places of the grid that so many steps visit, rising.

        Raises:
            ValueError: more are asked for than the grid has, or other than ``places``.
        """
        if self.places and count == 1:
            return self.places[:1]
        if self.places and count not in (None, len(self.places)):
            raise ValueError(f"steps: 1 or {len(self.places)} places are visited, got {count}")
        count = needed(len(self.places) or count)
        return self.places or tuple(step - 1 for step in reversed(whole_steps(self.grid, count, "leading")))
