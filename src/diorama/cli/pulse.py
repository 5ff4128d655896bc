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
    """

    def __init__(self, shown: Display, name: str) -> None:
        self._shown, self._name = shown, name
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
        self._shown.update(f"training {self._name}", tick.images / tick.total, "  ".join(filter(None, detail)))
        for result in tick.results:
            self._shown.note(f"{tick.images:,} images: {result['metric']} {in_words(result)}")
        for note in tick.notes:
            self._shown.note(f"{self._name} {note}")
        self.finished = tick.finished

    def _speed(self, tick: Tick) -> str:
        """Images a second since the first step, which alone waits for compilation."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, tick.images) if tick.losses else None
            return ""
        began, images = self._first
        speed = (tick.images - images) / max(now - began, 1e-9)
        return f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.2g}/s"
