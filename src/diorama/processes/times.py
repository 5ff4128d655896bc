"""At which times of a process training looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Process
from diorama.processes.discrete import with_steps
from diorama.processes.geometric import GeometricStepsProcess
from diorama.processes.spacing import KarrasSpacing


class TimeDraw(Protocol):
    """A distribution of times."""

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) times above 0, from PyTorch's generator of the device."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """The whole steps 1 … T of a discrete process, equally likely.

    Args:
        spread: evenly over a batch from one random offset, in place of independently, which lowers the loss's
            variance; D. P. Kingma et al., arXiv:2107.00630, appendix I.1.
    """

    spread: bool = False

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) int64."""
        if not isinstance(process, GeometricStepsProcess):
            process = with_steps(process, "times: draws")
        if self.spread:
            return (_spread(count, device) * process.steps).long() + 1
        return torch.randint(1, process.steps + 1, (count,), device=device)


@dataclass(frozen=True, kw_only=True)
class UniformTimes:
    """All times of a process, equally likely.

    Args:
        spread: as of :class:`StepTimes`.
        low: the earliest time, as a share of the process's end.
    """

    spread: bool = False
    low: float = field(default=0.0, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 0 <= self.low < 1:
            raise ValueError(f"low must be in [0, 1), got {self.low}")

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) float32 in (low end, end]."""
        return self.at(process, _spread(count, device) if self.spread else torch.rand(count, device=device))

    def at(self, process: Process, share: Tensor) -> Tensor:
        """The times above which lie these shares of all times."""
        return process.end * (1 - share * (1 - self.low))


@dataclass(frozen=True, kw_only=True)
class LogNormalTimes:
    """Ratios sigma / alpha whose logarithm is normal.

    Args:
        mean: of log(sigma / alpha).
        deviation: of it.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, table 1 (noise distribution).
    """

    mean: float = -1.2
    deviation: float = 1.2

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) float32."""
        return self.at(process, torch.randn(count, device=device))

    def at(self, process: Process, normal: Tensor) -> Tensor:
        """The times that so many deviations from the mean stand for."""
        return _above_zero(process, (self.mean + self.deviation * normal).exp())


@dataclass(frozen=True, kw_only=True)
class LogUniformTimes:
    """Ratios sigma / alpha whose logarithm is equally likely to be anywhere between two levels.

    Args:
        low: the least ratio.
        high: the largest.

    Reference: Y. Song et al., arXiv:2011.13456, appendix C, in the words of T. Karras, M. Aittala, T. Aila, S. Laine,
    arXiv:2206.00364, table 1 (noise distribution, column "VE").
    """

    low: float = 0.02
    high: float = 100.0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < float("inf"):
            raise ValueError(f"0 < low < high must hold, got low={self.low} high={self.high}")

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) float32."""
        return self.at(process, torch.rand(count, device=device))

    def at(self, process: Process, share: Tensor) -> Tensor:
        """The times of the ratios below which lie these shares of all."""
        return _above_zero(process, self.low * (self.high / self.low) ** share)


@dataclass(frozen=True, kw_only=True)
class KarrasTimes:
    """Ratios sigma / alpha that are equally likely anywhere on the scale on which Karras' levels are evenly spaced.

    Args:
        low: the least ratio.
        high: the largest.
        rho: see :class:`~diorama.processes.spacing.KarrasSpacing`.

    Reference: M. Zhou, H. Zheng, Z. Wang, M. Yin, H. Huang, arXiv:2404.04057, algorithm 1, on the levels of T. Karras
    et al., arXiv:2206.00364, equation 5.
    """

    low: float = 0.002
    high: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        KarrasSpacing(low=self.low, high=self.high, rho=self.rho)

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) float32."""
        return self.at(process, torch.rand(count, device=device))

    def at(self, process: Process, share: Tensor) -> Tensor:
        """The times of the ratios above which lie these shares of all."""
        return _above_zero(process, KarrasSpacing(low=self.low, high=self.high, rho=self.rho).at(share))


@dataclass(frozen=True, kw_only=True)
class LogitNormalTimes:
    """Shares of the process's end whose logit is normal: most in the middle, where a flow's velocity is hardest.

    Args:
        mean: of the logit.
        deviation: of it.

    Reference: P. Esser et al., arXiv:2403.03206, equation 19.
    """

    mean: float = 0.0
    deviation: float = 1.0

    def draw(self, process: Process, count: int, device: torch.device) -> Tensor:
        """(count,) float32 in (0, end)."""
        return process.end * torch.sigmoid(self.mean + self.deviation * torch.randn(count, device=device))


def _above_zero(process: Process, ratio: Tensor) -> Tensor:
    """The times of ratios sigma / alpha; where a process begins with more noise than that, its first."""
    times = process.time_of(ratio)
    # Time 0 is clean data, whose loss and whose score are divided by no noise at all.
    return times.clamp(min=torch.finfo(times.dtype).tiny)


def _spread(count: int, device: torch.device) -> Tensor:
    """Places in [0, 1), equally far apart, behind one random offset."""
    return (torch.arange(count, device=device) / count + torch.rand((), device=device)) % 1
