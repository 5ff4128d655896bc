"""Progress for people: a living line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self, TextIO

from diorama.core.durations import clock_words

_PLAIN_EVERY = 10.0
"""Seconds between plain lines about the same thing."""


class Display(ABC):
    """Shows where a long command stands. Use it as a context, so that the terminal is left clean."""

    @abstractmethod
    def update(self, doing: str, share: float | None = None, detail: str = "") -> None:
        """What is being done, how much of it (in [0, 1]; ``None`` where unknown), and what changes by the second."""

    @abstractmethod
    def note(self, text: str) -> None:
        """A sentence that stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None


class PlainDisplay(Display):
    """Lines for logs and pipes: one for everything that begins, then one every ten seconds.

    Args:
        stream: where lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._doing, self._told = "", 0.0
        self._began: tuple[float, float] | None = None

    def update(self, doing: str, share: float | None = None, detail: str = "") -> None:
        now = time.monotonic()
        begins = doing != self._doing
        if begins:
            self._doing, self._began = doing, None
        if share is not None and self._began is None:
            # What an earlier session did took no time of this one.
            self._began = (now, share)
        if not begins and now - self._told < _PLAIN_EVERY:
            return
        self._told = now
        left = _time_left(share, now, self._began)
        words = [doing, f"{share:.0%}" if share is not None else "", detail, left]
        self.note("  ".join(word for word in words if word))

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class RichDisplay(Display):
    """One living line with a bar, the speed's consequence (time left) and details.

    Args:
        stream: the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        # Imported here, since rich is not needed where there is no terminal.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[detail]}", markup=False),
        )
        self._console = Console(file=stream, highlight=False)
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("", total=None, detail="")
        self._doing = ""

    def update(self, doing: str, share: float | None = None, detail: str = "") -> None:
        if doing != self._doing:
            self._progress.remove_task(self._task)
            self._task = self._progress.add_task(doing, total=None, detail="")
            self._doing = doing
        total = None if share is None else 1.0
        self._progress.update(self._task, description=doing, total=total, completed=share or 0.0, detail=detail)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


class SilentDisplay(Display):
    """Nothing: of several processes that work together, one speaks."""

    def update(self, doing: str, share: float | None = None, detail: str = "") -> None:
        """Shows nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


def display(stream: TextIO | None = None) -> Display:
    """The display that suits a stream, by default the error stream, so that pipes get results alone.

    Under ``torchrun`` all processes but the first are silent.
    """
    if int(os.environ.get("RANK", "0")) > 0:
        return SilentDisplay()
    chosen = stream or sys.stderr
    return RichDisplay(chosen) if chosen.isatty() else PlainDisplay(chosen)


def _time_left(share: float | None, now: float, began: tuple[float, float] | None) -> str:
    """What is left at the speed since ``began``: a time, and the share that was done by then."""
    if share is None or began is None:
        return ""
    time_then, share_then = began
    # Below one per cent an estimate is noise.
    if share >= 1 or share - share_then <= 0.01:
        return ""
    return f"{clock_words((now - time_then) * (1 - share) / (share - share_then))} left"
