"""The log survives kills and is cut back to what a resumed run will write again."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.core import runlog
from diorama.core.runlog import RunLog


def write(path: Path, count: int) -> RunLog:
    log = RunLog(path)
    for step in range(1, count + 1):
        log.append({"kind": "report", "step": step, "clock": {"seconds": 0.5 * step}})
    log.sync()
    return log


def test_records_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", 3)
    assert [record["step"] for record in runlog.read(tmp_path / "log.jsonl")] == [1, 2, 3]


def test_a_line_that_was_cut_off_is_no_record(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 3)
    log.path.write_bytes(log.path.read_bytes()[:-9])
    assert len(runlog.read(log.path)) == 2
    log.cut(2)
    log.append({"kind": "report", "step": 3})
    assert [record["step"] for record in runlog.read(log.path)] == [1, 2, 3]


@pytest.mark.parametrize("damage", [b"\xff\xfe no line\n", b"[1, 2]\n", b"{}\n", b'{"step": "x"}\n', b"\n"])
def test_a_damaged_line_costs_no_other(damage: bytes, tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 3)
    log.path.write_bytes(damage + log.path.read_bytes())
    assert [record["step"] for record in runlog.read(log.path)] == [1, 2, 3]


def test_cutting_drops_what_was_logged_later(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 5)
    log.cut(3)
    assert [record["step"] for record in runlog.read(log.path)] == [1, 2, 3]
    log.cut(0)
    assert log.path.read_bytes() == b""


def test_what_a_step_will_log_again_can_be_dropped_of_it_alone(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl")
    for step in (1, 2):
        for kind in ("report", "metric"):
            log.append({"kind": kind, "step": step})
    log.cut(2, without="metric")
    assert [(record["kind"], record["step"]) for record in runlog.read(log.path)] == [
        ("report", 1),
        ("metric", 1),
        ("report", 2),
    ]


def test_a_missing_log_has_no_records(tmp_path: Path) -> None:
    assert runlog.read(tmp_path / "log.jsonl") == []


def test_only_finite_numbers_are_logged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        RunLog(tmp_path / "log.jsonl").append({"value": float("nan")})


def test_the_clock_is_left_out_of_comparisons() -> None:
    assert runlog.without_clock({"step": 1, "clock": {"seconds": 2.0}}) == {"step": 1}
