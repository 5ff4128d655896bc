"""What people see of a training: a sign of life from its ticks, whatever the log's rhythm."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from diorama.cli.progress import Display

if TYPE_CHECKING:
    from diorama.training.ticks import Tick


class Pulse:
    """Shows a training's ticks. Losses are read at reports alone, since reading one waits for the device.

    Args:
        shown: where.
        name: of the recipe.
        seconds: after which training stops, where it does so by time.
    """

    def __init__(self, shown: Display, name: str, seconds: float | None = None) -> None:
        self._shown, self._name, self._seconds = shown, name, seconds
        self._began, self._images_before = time.monotonic(), 0
        self._losses = ""
        self._first: tuple[float, int] | None = None
        self.finished = False

    def show(self, tick: Tick) -> None:
        """Show where training stands, then what was measured, and last what is to be said of the run."""
        from diorama.evaluation.protocol import in_words

        if tick.computed is not None:
            done, total = tick.computed
            self._shown.update(f"computing what {self._name} reads", done / total, f"{done:,} of {total:,} records")
            return
        if tick.report is not None:
            named = [f"{key} {value:.4f}" for key, value in tick.report.losses.items() if "/" not in key]
            self._losses = "  ".join(named)
        detail = [f"{tick.images:,} seen", self._speed(tick), self._losses]
        self._shown.update(f"training {self._name}", self._share(tick), "  ".join(filter(None, detail)))
        for result in tick.results:
            self._shown.note(f"{tick.images:,} images: {result['metric']} {in_words(result)}")
        for note in tick.notes:
            self._shown.note(f"{self._name} {note}")
        self.finished = tick.finished

    def _share(self, tick: Tick) -> float:
        """How much is done of the run; where time may end it before, of what this call will do."""
        if self._seconds is None:
            return tick.images / tick.total
        if not tick.losses:
            self._images_before = tick.images
        seen = (tick.images - self._images_before) / max(1, tick.total - self._images_before)
        return min(1.0, max(seen, (time.monotonic() - self._began) / self._seconds))

    def _speed(self, tick: Tick) -> str:
        """Images a second since the first step, which alone waits for compilation."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, tick.images) if tick.losses else None
            return ""
        began, images = self._first
        speed = (tick.images - images) / max(now - began, 1e-9)
        return f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.2g}/s"
