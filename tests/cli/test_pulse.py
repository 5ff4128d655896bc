"""A training gives signs of life between the lines of its log."""

from __future__ import annotations

import io

import pytest
import torch

from diorama.cli import progress
from diorama.cli.progress import PlainDisplay
from diorama.cli.pulse import Pulse
from diorama.training.ticks import Clock, Report, Tick

LOSSES = {"flow": torch.tensor(1.0)}
RESULT = {"metric": "fd@lite", "value": 3.0, "interval": {"low": 2.0, "high": 4.0}}


def test_a_pipe_hears_of_a_training_every_ten_seconds_without_any_report(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = PlainDisplay(stream)
    shown.update("training toy")
    beat = Pulse(shown, "toy")
    beat.show(Tick(step=100, images=1_000, total=2_000))
    for second in range(1, 32):
        now[0] = float(second)
        beat.show(Tick(step=100 + second, images=1_000 + 10 * second, total=2_000, losses=LOSSES))
    assert stream.getvalue().splitlines() == [
        "training toy",
        "training toy  55%  1,100 seen  10/s  1 min 30 s left",
        "training toy  60%  1,200 seen  10/s  1 min 20 s left",
        "training toy  65%  1,300 seen  10/s  1 min 10 s left",
    ]


def test_losses_are_those_of_the_last_report_and_completion_is_said_last() -> None:
    stream = io.StringIO()
    beat = Pulse(PlainDisplay(stream), "toy")
    report = Report(
        losses={"flow": 0.5, "flow/norm": 3.0}, rates={}, clock=Clock(seconds=1, images_per_second=1, joules=1)
    )
    note = "is complete: its model lies in run/model"
    beat.show(
        Tick(step=2, images=32, total=32, losses=LOSSES, report=report, results=(RESULT,), notes=(note,), finished=True)
    )
    first, measured, last = stream.getvalue().splitlines()
    assert "flow 0.5000" in first
    assert "flow/norm" not in first
    assert measured.startswith("32 images: fd@lite 3")
    assert last == f"toy {note}"
    assert beat.finished


@pytest.mark.parametrize(
    ("time", "total", "left"),
    [(60.0, 1_000_000, ["50 s left", "40 s left"]), (3_600.0, 1_400, ["30 s left", "20 s left"])],
    ids=["the time ends it", "it is complete before"],
)
def test_with_a_time_what_is_left_is_until_whichever_end_comes_first(
    monkeypatch: pytest.MonkeyPatch, time: float, total: int, left: list[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    beat = Pulse(PlainDisplay(stream), "toy", time)
    beat.show(Tick(step=100, images=1_000, total=total))
    for second in range(1, 22):
        now[0] = float(second)
        beat.show(Tick(step=100 + second, images=1_000 + 10 * second, total=total, losses=LOSSES))
    assert [line.split("  ")[-1] for line in stream.getvalue().splitlines()[1:]] == left
