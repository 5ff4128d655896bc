"""From a folder of clips to a trained, measured, compared generator of clips."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.media.video import probe
from tests.journeys.conftest import Run

TINY = (
    *("--method.generator.features", 8, "--method.image-discriminator.features", 8),
    *("--method.video-discriminator.features", 8, "--batch-size", 4, "--log-every", 4, "--evaluation.samples", 0),
)


def test_clips_are_prepared_trained_drawn_and_measured(diorama: Run, clips: Path, tmp_path: Path) -> None:
    data, run, scores = tmp_path / "data", tmp_path / "run", tmp_path / "scores.json"
    diorama("prepare", clips, "--out", data, "--size", 32, "--frames", 16, "--fps", 8)
    assert "16 frames at 8 a second" in diorama("describe", data)
    diorama("train", "mocogan_cpu", "--data", data, "--out", run, "--images", 8, *TINY)
    for kind in ("mp4", "gif"):
        drawn = tmp_path / kind
        diorama("sample", run, "--count", 2, "--out", drawn, "--format", kind)
        assert sorted(p.name for p in drawn.iterdir()) == [f"000000.{kind}", f"000001.{kind}", "samples.json"]
        info = probe(drawn / f"000000.{kind}")
        assert (info.height, info.width) == (32, 32)
    diorama("sample", run, "--count", 1, "--out", tmp_path / "frames", "--format", "frames")
    assert len(list((tmp_path / "frames" / "000000").iterdir())) == 16
    diorama("evaluate", run, "--against", data, "--count", 20, "--metrics", "fd@lite,fd@lite-clip", "--json", scores)
    assert [r["metric"] for r in json.loads(scores.read_text())["results"]] == ["fd@lite", "fd@lite-clip"]


@pytest.mark.slow
@pytest.mark.long
# Three minutes of one core: a machine that shares its cores needs more than the usual five.
@pytest.mark.timeout(900)
def test_the_demo_writes_one_report_on_pictures_and_clips(diorama: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert f"report: {out / 'report.html'}" in diorama("demo", "--out", out, "--seconds", 5)
    comparisons = json.loads((out / "report.json").read_text())["comparisons"]
    trained = [[m["name"] for m in c["models"] if m["kind"] == "trained"] for c in comparisons]
    assert trained == [["dcgan_toy", "vae_toy", "ddpm_toy"], ["mocogan_toy"]]
    html = (out / "report.html").read_text()
    assert "<video" in html
    assert "data:image/png" in html
