"""Models, runs and data say what they are, one fact a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.cli.main import run
from diorama.comparison.mixture import fit
from diorama.core.contracts import MediaSpec
from diorama.synthesis import store


def test_a_model_folder_is_described_by_its_parts_and_origin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media = MediaSpec(kind="video", channels=3, height=4, width=4, frames=3, fps=5.0)
    model = fit(lambda: iter([torch.rand(30, 3, 3, 4, 4) * 2 - 1]), media)
    score = {
        "metric": "fd@lite",
        "value": 3.0,
        "interval": {"low": 2.0, "high": 4.0},
        "samples": 20,
        "reference": {"count": 30},
    }
    provenance = {"recipe": {"name": "mine"}, "data": {"name": "shapes", "sha256": "ab"}, "scores": [score]}
    store.save(tmp_path / "model", model.config, model.state_dict(), provenance, "a card")
    assert run(["describe", str(tmp_path / "model")]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["model"] == "GaussianMixture"
    assert lines["video"] == "4 x 4, 3 channels, uint8, 3 frames at 5 a second"
    assert lines["recipe"] == "mine"
    assert lines["data"] == "shapes ab"
    assert lines["fd@lite"] == "3, true distance in [2, 4], 20 samples against 30"
    assert lines["sha256"] == store.model_hash(model)


def test_a_run_that_has_not_begun_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_text("{}")
    assert run(["describe", str(tmp_path)]) == 0
    assert "nothing has been logged yet" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "message"), [("", "neither a model folder"), ("absent", "there is no such folder")])
def test_what_is_none_of_them_ends_with_one(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["describe", str(tmp_path / name)]) == 1
    assert message in capsys.readouterr().err
