"""Levels of a discrete process as solvers of the probability-flow path choose them: by time, or along a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from scipy.special import betaincinv
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess, with_steps
from diorama.processes.spacing import KarrasSpacing, Leap, StepSpacing, check_count

Curve = Literal["times", "karras", "exponential", "beta"]
"""By which the ratios fall: as those of the times do; by T. Karras et al. 2022, equation 5; like a geometric series; by
quantiles of a beta distribution (H. Lee et al., arXiv:2407.12173, section 4)."""

_BETA = 0.6
"""Both parameters of that distribution."""


@dataclass(frozen=True, kw_only=True)
class CurveSpacing:
    """Times of a discrete process, whole or not, or ratios sigma / alpha between the ends that these have.

    Args:
        leap: which times, as :class:`~diorama.processes.spacing.StepSpacing` has them; ``linspace`` does not round.
        offset: of ``leading``, the first time that is visited is so much later.
        curve: by which the ratios fall from the first time's to the last one's.
        low: least ratio of a curve; ``None`` for that of the last time.
        high: largest ratio of a curve; ``None`` for that of the first time.
        until: where the last step ends: at clean data, or at the process's first step, whose noise is left.
    """

    leap: Leap = "linspace"
    offset: int = 0
    curve: Curve = "times"
    low: float | None = None
    high: float | None = None
    until: Literal["clean", "first"] = field(default="clean", metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.offset < 0:
            raise ValueError(f"offset must be at least 0, got {self.offset}")
        check_ends(self.low, self.high)

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`.

        Raises:
            ValueError: the process has no steps, fewer than are asked for, or none so late.
        """
        process = with_steps(process, "spacing: visits")
        times = self._by_time(process, process.steps if count is None else count)
        if self.curve != "times":
            level = process.at(times)
            ratios = level.sigma / level.alpha
            low = ratios[-1].item() if self.low is None else self.low
            high = ratios[0].item() if self.high is None else self.high
            check_within(process, high)
            times = process.time_of(falling(self.curve, low, high, len(times)))
        return torch.cat([times, times.new_full((1,), float(self.until == "first"))])

    def _by_time(self, process: DiscreteProcess, count: int) -> Tensor:
        if self.leap != "linspace":
            return StepSpacing(leap=self.leap, offset=self.offset).times(process, count)[:-1]
        check_count(process.steps, count)
        # From the last time whatever their number.
        return (
            1 + torch.linspace(0, process.steps - 1, max(count, 2), dtype=torch.float64, device="cpu").flip(0)[:count]
        )


def check_ends(low: float | None, high: float | None) -> None:
    """Refuse ends of a curve between which nothing lies; ``None`` is the end that the process has.

    Raises:
        ValueError: saying what they are.
    """
    if not 0 < (1e-9 if low is None else low) < (math.inf if high is None else high):
        raise ValueError(f"0 < low < high must hold, got low={low} high={high}")


def check_within(process: DiscreteProcess, high: float) -> None:
    """Refuse a ratio that the process has no time for.

    Raises:
        ValueError: saying how far it goes.
    """
    end = process.at(torch.tensor(process.end, dtype=torch.float64, device="cpu"))
    largest = float(end.sigma / end.alpha)
    # Published ends may be rounded to float32.
    if high > largest * (1 + 1e-5):
        raise ValueError(f"high: the process goes up to a ratio of {largest:.6g}, got {high}")


def falling(curve: Curve, low: float, high: float, count: int) -> Tensor:
    """(count,) float64 from ``high`` to ``low``; a single one is ``high``."""
    share = torch.linspace(0, 1, count, dtype=torch.float64, device="cpu")
    if count == 1:
        return share + high
    if curve in ("karras", "exponential"):
        return KarrasSpacing(low=low, high=high, rho=7.0 if curve == "karras" else math.inf).ratios(count)
    return low + torch.from_numpy(betaincinv(_BETA, _BETA, 1 - share.numpy())) * (high - low)
