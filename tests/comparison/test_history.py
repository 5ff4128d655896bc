"""A run's log tells its curves, hours and joules."""

from __future__ import annotations

import json
from pathlib import Path

from diorama.comparison.history import read_history, spent_seconds


def test_a_log_becomes_curves_and_costs(tmp_path: Path) -> None:
    lines = [
        {"kind": "report", "step": 1, "images": 8, "losses": {"g": 2.0, "g/accuracy": 0.5}, "clock": clock(1.0)},
        {
            "kind": "metric",
            "step": 1,
            "images": 8,
            "results": [{"metric": "fd@lite", "value": 9.0}],
            "clock": clock(2.0),
        },
        {"kind": "report", "step": 2, "images": 16, "losses": {"g": 1.0}, "clock": clock(3.0)},
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    history = read_history(tmp_path)
    assert history is not None
    assert (history.images, history.steps, history.seconds, history.joules) == (16, 2, 3.0, 30.0)
    assert history.losses == {"g": ((8.0, 2.0), (16.0, 1.0))}
    assert history.scores == {"fd@lite": ((8.0, 9.0),)}
    assert spent_seconds(tmp_path) == 3.0


def clock(seconds: float) -> dict[str, float]:
    return {"seconds": seconds, "joules": 10 * seconds, "images_per_second": 8.0}


def test_a_run_that_ended_before_its_first_report_tells_what_it_took(tmp_path: Path) -> None:
    for name in ("log.jsonl", "recipe.json"):
        (tmp_path / name).write_text("")
    spent = {"steps": 2, "images": 16, "seconds": 3.0, "joules": 30.0}
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "model/provenance.json").write_text(json.dumps({"format": 1, "recipe": "toy", "training": spent}))
    history = read_history(tmp_path)
    assert history is not None
    assert (history.images, history.steps, history.seconds, history.joules) == (16, 2, 3.0, 30.0)
    assert not history.losses


def test_a_folder_without_a_log_has_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path) is None
    assert spent_seconds(tmp_path) == 0.0
