"""Time and energy of a run over all its sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from diorama.core import distributed
from diorama.core.energy import EnergyMeter
from diorama.training.ticks import Clock


class Pace:
    """Keeps a run's clock; what earlier sessions spent is carried on.

    Args:
        device: whose energy counts.
        began: ``time.monotonic()`` when this session began.
    """

    def __init__(self, device: torch.device, began: float) -> None:
        self.meter = EnergyMeter(device)
        self._began, self._mark, self._images = began, time.monotonic(), 0
        self._seconds_before = self._joules_before = 0.0

    def carry(self, images: int, seconds: float, joules: float) -> None:
        """Continue from what earlier sessions saw and spent."""
        self._images, self._seconds_before, self._joules_before = images, seconds, joules

    def start(self) -> None:
        """The first step begins: speed is counted from here."""
        self._mark = time.monotonic()

    def session_seconds(self) -> float:
        """Since this session began."""
        return time.monotonic() - self._began

    def seconds(self) -> float:
        """Of all sessions."""
        return self._seconds_before + self.session_seconds()

    def joules(self) -> float:
        """Of all sessions and processes; all processes must call it."""
        own = torch.tensor([self.meter.joules()], dtype=torch.float64)
        return self._joules_before + float(distributed.gather(own).sum())

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What the block takes does not count into the speed."""
        start = time.monotonic()
        yield
        self._mark += time.monotonic() - start

    def clock(self, images: int) -> Clock:
        """The clock of a report; speed is counted from the report before."""
        now = time.monotonic()
        speed = (images - self._images) / max(now - self._mark, 1e-9)
        self._mark, self._images = now, images
        return Clock(seconds=self.seconds(), images_per_second=speed, joules=self.joules())
