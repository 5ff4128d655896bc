"""The demo prepares two data sets, compares on each and writes one report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.cli.main import run
from diorama.comparison import demo
from diorama.core.contracts import DataInfo
from diorama.recipes.toy import dcgan_toy, mocogan_toy
from diorama.training.recipe import Recipe
from tests.comparison.walks import few_walks


def small_gan(info: DataInfo) -> Recipe:
    recipe = dcgan_toy(info)
    generator = replace(recipe.method.generator, features=8)  # type: ignore[attr-defined]
    return replace(recipe, method=replace(recipe.method, generator=generator), batch_size=8, log_every=8)  # type: ignore[type-var]


def small_video_gan(info: DataInfo) -> Recipe:
    return replace(mocogan_toy(info), batch_size=4, log_every=4)


@pytest.mark.slow
def test_pictures_and_clips_share_one_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few_walks(monkeypatch)
    monkeypatch.setattr(demo, "PICTURES", 100)
    monkeypatch.setattr(demo, "CLIPS", 40)
    monkeypatch.setattr(demo, "FRAMES", 16)
    monkeypatch.setattr(demo, "_SAMPLES", {"world": 20, "world-video": 20})
    monkeypatch.setattr(demo, "_REFERENCE", {"world": 40, "world-video": 24})
    monkeypatch.setattr(demo, "_RECIPES", {"world": (small_gan,), "world-video": (small_video_gan,)})
    report = tmp_path / "demo" / "report.html"
    assert run(["demo", "--out", str(tmp_path / "demo"), "--seconds", "0.5", "--device", "cpu"]) == 0
    assert f"report: {report}" in capsys.readouterr().out
    comparisons = json.loads((tmp_path / "demo" / "report.json").read_text())["comparisons"]
    assert [c["data"]["name"] for c in comparisons] == ["world", "world-video"]
    assert [c["models"][0]["name"] for c in comparisons] == ["dcgan_toy", "mocogan_toy"]
    html = report.read_text()
    assert "<video" in html
    assert "Four generators after 0.5 s each" in html
    # Nothing beside the folder that was asked for.
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
