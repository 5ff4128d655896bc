"""Progress is a living line on a terminal and plain lines elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from diorama.cli import progress
from diorama.cli.progress import PlainDisplay, RichDisplay, display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_plain_lines_and_never_a_terminals_library() -> None:
    stream = io.StringIO()
    with display(stream) as shown:
        assert isinstance(shown, PlainDisplay)
        shown.update("training", 0.0, "loss 1.0")
        shown.update("training", 0.1, "loss 0.9")
        shown.note("saved")
        shown.update("measuring")
    assert stream.getvalue() == "training  0%  loss 1.0\nsaved\nmeasuring\n"


def test_a_plain_line_comes_every_ten_seconds_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = PlainDisplay(stream)
    for second in range(21):
        now[0] = float(second)
        shown.update("training", second / 40)
    assert stream.getvalue().splitlines() == ["training  0%", "training  25%  30 s left", "training  50%  20 s left"]


def test_a_terminal_gets_a_living_line() -> None:
    stream = Terminal()
    with display(stream) as shown:
        assert isinstance(shown, RichDisplay)
        shown.update("training", 0.5, "loss [bold]")
        shown.note("saved [x]")
        shown.update("measuring")
    assert "saved [x]" in stream.getvalue()


def test_progress_goes_to_the_error_stream_by_default() -> None:
    assert isinstance(display(), PlainDisplay if not sys.stderr.isatty() else RichDisplay)
