"""Which levels a sampler visits: times of a process from noise to data. How it walks between them is the sampler's."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess, with_steps
from diorama.processes.geometric import GeometricStepsProcess


class Spacing(Protocol):
    """A choice of levels."""

    def times(self, process: Process, count: int | None) -> Tensor:
        """``count`` times, falling, and 0 at the end: (count + 1,) float64 on the CPU.

        Args:
            process: whose times.
            count: levels to visit before clean data; ``None`` for every step of a discrete process.

        Raises:
            ValueError: the process has no such times.
        """
        ...


Leap = Literal["leading", "trailing", "linspace"]


@dataclass(frozen=True, kw_only=True)
class StepSpacing:
    """Whole steps of a discrete process.

    Args:
        leap: which: every (T // count)-th from the first step; every (T / count)-th back from the last; or evenly with
            both ends.
        offset: of ``leading``, the first step that is visited is so much later.
        until: where the last step ends: at clean data, or at the process's first step, whose noise is left.

    Reference: S. Lin et al., arXiv:2305.08891, table 2; offset and end are those of Stable Diffusion's samplers.
    """

    leap: Leap = "trailing"
    offset: int = field(default=0, metadata={LATER: True})
    until: Literal["clean", "first"] = field(default="clean", metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.offset < 0:
            raise ValueError(f"offset must be at least 0, got {self.offset}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`Spacing`."""
        if not isinstance(process, GeometricStepsProcess):
            process = with_steps(process, "spacing: visits")
        whole = whole_steps(process.steps, process.steps if count is None else count, self.leap)
        if self.leap == "leading":
            whole = [step + self.offset for step in whole]
            if whole[0] > process.steps:
                raise ValueError(f"offset: step {whole[0]} is visited, and the process has {process.steps}")
        return torch.tensor([*whole, float(self.until == "first")], dtype=torch.float64, device="cpu")


def check_count(steps: int, count: int) -> None:
    """Refuse to visit more steps than there are.

    Raises:
        ValueError: saying how many there are.
    """
    if not 1 <= count <= steps:
        raise ValueError(f"between 1 and {steps} steps can be taken, got {count}")


def whole_steps(steps: int, count: int, leap: Leap) -> list[int]:
    """``count`` of the times 1 … steps, the largest first; see :class:`StepSpacing`.

    Raises:
        ValueError: more are asked for than there are.
    """
    check_count(steps, count)
    if leap == "leading":
        return [1 + i * (steps // count) for i in reversed(range(count))]
    if leap == "trailing":
        return [round(steps - i * steps / count) for i in range(count)]
    # Halves are rounded as where steps are counted from 0, which published samplers do.
    last = steps - 1
    return [1 + round(last - i * last / max(count - 1, 1)) for i in range(count)]


@dataclass(frozen=True, kw_only=True)
class KarrasSpacing:
    """Levels that are close together where there is little noise.

    Args:
        low: sigma / alpha of the last level before clean data.
        high: sigma / alpha of the first level.
        rho: 1 spaces evenly, larger values crowd the levels towards ``low``; infinity is the limit, a geometric series.
        until: where the last step ends: at clean data; at ``low``, to which one level more is visited; or where it
            starts, so that it leads nowhere, as in schedulers of diffusers that keep the noise of the last level.
        with_low: ``low`` itself is visited. Models that jump to clean data need no level so near to it: without it the
            levels are those above it of one more.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, equation 5.
    """

    low: float = 0.002
    high: float = 80.0
    rho: float = 7.0
    until: Literal["clean", "low", "start"] = field(default="clean", metadata={LATER: True})
    with_low: bool = field(default=True, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"0 < low < high must hold, got low={self.low} high={self.high}")
        if not self.rho > 0:
            raise ValueError(f"rho must be positive, got {self.rho}")
        if self.until != "clean" and not self.with_low:
            raise ValueError(f"until: {self.until!r} ends at low, which is not visited without with_low")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`Spacing`."""
        visited = needed(count)
        if isinstance(process, DiscreteProcess):
            # Between two of its steps its network was never asked.
            check_count(process.steps, visited)
        ratios = self.ratios(visited + (self.until == "low" or not self.with_low))
        if not self.with_low:
            ratios = ratios[:-1]
        times = process.time_of(ratios)
        if self.until == "low":
            return times
        return torch.cat([times, times[-1:] if self.until == "start" else times.new_zeros(1)])

    def ratios(self, count: int) -> Tensor:
        """(count,) float64, falling; a single one is ``high``."""
        return self.at(torch.linspace(0, 1, count, dtype=torch.float64, device="cpu"))

    def at(self, share: Tensor) -> Tensor:
        """The ratios at shares of the way, 0 for ``high`` and 1 for ``low``; of the shape of ``share``."""
        if math.isinf(self.rho):
            return self.high * (self.low / self.high) ** share
        ends = self.high ** (1 / self.rho), self.low ** (1 / self.rho)
        return (ends[0] + share * (ends[1] - ends[0])) ** self.rho


@dataclass(frozen=True, kw_only=True)
class UniformSpacing:
    """Evenly spaced times from the process's end.

    Args:
        shift: moves the times of a flow towards noise, ``s t / (1 + (s - 1) t)``; 1 leaves them.

    Reference: the shift is that of P. Esser et al., arXiv:2403.03206, equation 23.
    """

    shift: float = 1.0

    def __post_init__(self) -> None:
        if not self.shift > 0:
            raise ValueError(f"shift must be positive, got {self.shift}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`Spacing`."""
        share = torch.linspace(1, 0, needed(count) + 1, dtype=torch.float64, device="cpu")
        return process.end * shifted(share, self.shift)


def shifted(times: Tensor, shift: float) -> Tensor:
    """Times in [0, 1] moved to noise, ``s t / (1 + (s - 1) t)``: P. Esser et al., arXiv:2403.03206, equation 23."""
    return shift * times / (1 + (shift - 1) * times)


def needed(count: int | None, least: int = 1) -> int:
    """The number of levels, of a spacing that has none of its own.

    Raises:
        ValueError: there is none, or it is too small.
    """
    if count is None or count < least:
        got = "none is given" if count is None else f"got {count}"
        raise ValueError(f"steps: this model needs a number of steps of at least {least}, {got}")
    return count
