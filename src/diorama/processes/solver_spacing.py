"""Levels as published multistep solvers choose them: one more than asked for, of which the cleanest is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import Process
from diorama.processes.curves import Curve, check_ends, check_within, falling
from diorama.processes.discrete import DiscreteProcess, with_steps
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import Leap, check_count, needed, shifted


@dataclass(frozen=True, kw_only=True)
class SolverSpacing:
    """Whole steps of a discrete process, or ratios sigma / alpha along a curve over all of it.

    Args:
        leap: which steps. ``linspace`` places one more than asked for evenly from the first to the last, ``leading``
            every (T // (count + 1))-th from the first; both leave out the first step, where nothing would be left to
            do. ``trailing`` takes every (T / count)-th back from the last.
        offset: of ``leading``, all steps are so much later.
        latest: no later step is visited; ``None`` for the process's last. Those of ``trailing`` are fewer then.
        curve: by which ratios fall from the last step's to the first one's, in place of steps.
        low: least ratio of a curve; ``None`` for that of the first step.
        high: largest ratio of a curve; ``None`` for that of the last step.
        until: where the last step ends: at clean data; at the process's first step; or where it starts, so that it
            leads nowhere.

    Reference: C. Lu et al., "DPM-Solver", arXiv:2206.00927, published code, as diffusers has it.
    """

    leap: Leap = "linspace"
    offset: int = 0
    latest: int | None = None
    curve: Curve = "times"
    low: float | None = None
    high: float | None = None
    until: Literal["clean", "first", "start"] = "clean"

    def __post_init__(self) -> None:
        if self.offset < 0:
            raise ValueError(f"offset must be at least 0, got {self.offset}")
        if self.latest is not None and self.latest < 1:
            raise ValueError(f"latest must be at least 1, got {self.latest}")
        check_ends(self.low, self.high)

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`; without a count as many as there are.

        Raises:
            ValueError: the process has no steps, fewer than are asked for, none so late, or no such ratios.
        """
        process = with_steps(process, "spacing: visits")
        latest = min(process.steps, self.latest or process.steps)
        most = latest if self.leap == "trailing" else latest - 1
        count = most if count is None else count
        check_count(process.steps if self.leap == "trailing" or self.curve != "times" else most, count)
        times = self._along_curve(process, count) if self.curve != "times" else self._steps(process, latest, count)
        ends = {"clean": times.new_zeros(1), "first": times.new_ones(1), "start": times[-1:]}
        return torch.cat([times, ends[self.until]])

    def _steps(self, process: DiscreteProcess, latest: int, count: int) -> Tensor:
        if self.leap == "linspace":
            # Halves are rounded as where steps are counted from 0, which published samplers do.
            whole = [1 + round(i * (latest - 1) / count) for i in range(count, 0, -1)]
        elif self.leap == "leading":
            whole = [1 + i * (latest // (count + 1)) + self.offset for i in range(count, 0, -1)]
            if whole[0] > process.steps:
                raise ValueError(f"offset: step {whole[0]} is visited, and the process has {process.steps}")
        else:
            below = [round(latest - i * process.steps / count) for i in range(count)]
            whole = [step for step in below if step > 0]
        return torch.tensor(whole, dtype=torch.float64, device="cpu")

    def _along_curve(self, process: DiscreteProcess, count: int) -> Tensor:
        ends = process.at(torch.tensor([1, process.end], dtype=torch.float64, device="cpu"))
        first, last = (ends.sigma / ends.alpha).tolist()
        low, high = (first if self.low is None else self.low), (last if self.high is None else self.high)
        check_within(process, high)
        return process.time_of(falling(self.curve, low, high, count))


@dataclass(frozen=True, kw_only=True)
class FlowSolverSpacing:
    """Times of a flow, evenly spaced but for a shift towards noise.

    Args:
        least: the time that stands for a single step.
        begin: whether the even times begin at pure noise and end above ``least``, or begin ``least`` below pure noise
            and end above clean data.
        shift: as of :class:`~diorama.processes.spacing.UniformSpacing`.
        stretched_to: the shifted times are stretched so that the last one is this.
        latest: later times become this one, so that some signal is left.
        until: where the last step ends: at a time, 0 for clean data; ``None`` for where it starts, so that it leads
            nowhere.

    Reference: E. Xie et al., "SANA", arXiv:2410.10629, Flow-DPM-Solver, as diffusers has it.
    """

    least: float = 1e-3
    begin: Literal["noise", "below_noise"] = "below_noise"
    shift: float = 1.0
    stretched_to: float | None = None
    latest: float = 1.0
    until: float | None = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.least < 1:
            raise ValueError(f"least must be in (0, 1), got {self.least}")
        if not self.shift > 0:
            raise ValueError(f"shift must be positive, got {self.shift}")
        if self.stretched_to is not None and not 0 < self.stretched_to < 1:
            raise ValueError(f"stretched_to must be in (0, 1), got {self.stretched_to}")
        if not 0 < self.latest <= 1:
            raise ValueError(f"latest must be in (0, 1], got {self.latest}")
        if self.until is not None and not 0 <= self.until < 1:
            raise ValueError(f"until must be in [0, 1), got {self.until}")

    def times(self, process: Process, count: int | None) -> Tensor:
        """See :class:`~diorama.processes.spacing.Spacing`.

        Raises:
            ValueError: the process is no flow, or ``until`` is later than the last time.
        """
        if not isinstance(process, FlowProcess):
            raise ValueError("spacing: these levels are those of a flow, and this model's process is not a flow")
        # NumPy's even numbers, to the last bit: networks are told times that are cut down to whole numbers.
        even = torch.from_numpy(np.linspace(1, self.least, needed(count) + 1))
        times = even[:-1] if self.begin == "noise" else (1 - even).flip(0)[:-1]
        times = shifted(times, self.shift)
        if self.stretched_to is not None:
            if times[-1] == 1:
                raise ValueError("stretched_to: the first time alone cannot be stretched; visit at least two")
            times = 1 - (1 - times) / ((1 - times[-1]) / (1 - self.stretched_to))
        times = times.clamp(max=self.latest)
        end = times[-1:] if self.until is None else times.new_full((1,), self.until)
        if end > times[-1]:
            raise ValueError(f"until: the last time is {times[-1]:.6g}, got {self.until}")
        return torch.cat([times, end])
