"""A dry run builds what a run would, says what it would be, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.cli import dry_run
from diorama.cli.dry_run import rehearse
from diorama.core.errors import BadConfig, BadInput
from diorama.training.recipe import EvaluationConfig, Recipe, TrainOptions
from diorama.training.run import train
from tests.training.toy import CATALOG, flow_recipe, gan_recipe, write_data

OPTIONS = TrainOptions(device="cpu", catalog=CATALOG)
METRIC, REPORT = '"kind": "metric"', '"kind": "report"'


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "toy")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "_STEPS", 4)


def said(recipe: Recipe, data: Path, out: Path, options: TrainOptions = OPTIONS) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for name, value in rehearse(recipe, [(str(data), 1.0)], out, options):
        rows.setdefault(name, []).append(value)
    return rows


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_new_run_is_told_and_nothing_is_written(data: Path, tmp_path: Path) -> None:
    recipe = replace(gan_recipe(), preview_every=160, evaluation=EvaluationConfig(every=160, samples=20))
    rows = said(recipe, data, tmp_path / "run", replace(OPTIONS, seconds=90.0))
    assert list(tmp_path.iterdir()) == []
    assert rows["length"] == ["640 images in 40 steps, 10.0 times through the data"]
    assert rows["batch"] == ["16 in parts of 8"]
    generator, discriminator = (part.split()[0] for part in rows["parameters"][0].split(", "))
    assert {generator, discriminator} == {"generator", "discriminator"}
    assert "--time ends it after 1 min 30 s" in rows["time"][0]
    assert rows["writes"] == [
        f"{tmp_path / 'run'}: model/, 2 resume states at a time, 4 previews, 14 reports in log.jsonl, "
        "4 measurements by fd@lite"
    ]
    assert float(rows["speed"][0].split()[0].replace(",", "")) > 0


def test_speeds_are_told_without_an_exponent(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = dry_run.Trial(images_per_second=1591.2, counted=1, peak=1_000_000, device=torch.device("cpu"))
    monkeypatch.setattr(dry_run, "take_steps", lambda *_: trial)
    assert said(gan_recipe(), data, tmp_path / "run")["speed"] == ["1,591 images a second, over 1 step"]


def test_what_it_says_comes_true(data: Path, tmp_path: Path) -> None:
    recipe = replace(flow_recipe(), preview_every=160, evaluation=EvaluationConfig(every=150, samples=20))
    (told,) = said(recipe, data, tmp_path / "run")["writes"]
    list(train(recipe, data, tmp_path / "run", OPTIONS))
    log = (tmp_path / "run/log.jsonl").read_text()
    assert f"{len(list((tmp_path / 'run/samples').iterdir()))} previews" in told
    assert f"{log.count(METRIC)} measurements" in told
    assert f"{log.count(REPORT)} reports in log.jsonl" in told


def test_a_run_that_lies_there_is_looked_at_and_not_touched(data: Path, tmp_path: Path) -> None:
    for tick in train(flow_recipe(), data, tmp_path / "run", OPTIONS):
        if tick.step == 5:
            break
    before = everything_in(tmp_path)
    rows = said(replace(flow_recipe(), keep=3), data, tmp_path / "run")
    assert rows["continues"] == [f"{tmp_path / 'run'}, after step 5 (80 images)"]
    assert rows["changes"] == ["keep 2 → 3"]
    with pytest.raises(BadConfig, match="batch_size 16 → 32"):
        said(replace(flow_recipe(), batch_size=32), data, tmp_path / "run")
    assert everything_in(tmp_path) == before


def test_a_folder_that_is_no_run_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="not a run"):
        said(flow_recipe(), data, tmp_path)
