"""A training is looked at before, stopped, drawn from, changed and continued, as its own words say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.data.pictures import folder_of
from tests.journeys.conftest import TINY_GAN, Run
from tests.journeys.surroundings import untouched

SHORT = (*TINY_GAN, "--evaluation.samples", "0")


@pytest.fixture
def data(diorama: Run, tmp_path: Path) -> Path:
    out = tmp_path / "data"
    told = diorama("prepare", folder_of(tmp_path / "in", 40), "--out", out, "--size", "16x16")
    assert "every recipe for pictures but r3gan, fastgan, fastgan_cpu takes pictures of 16 x 16" in told
    return out


def test_a_run_is_stopped_drawn_from_and_continued(diorama: Run, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "my runs" / "first"
    words = ("train", "dcgan_cpu", "--data", data, "--out", run, "--images", 96, *SHORT)
    told = diorama(*words, "--time", "0.001s")
    assert (run / "samples/stopped.png").is_file()
    assert f"The same command continues {run}." in told
    command = re.search(r"To draw from it: diorama (.*)", told)
    assert command is not None
    diorama(*shlex.split(command[1]))
    assert (tmp_path / "my runs" / "first-samples" / "000015.png").is_file()

    told = diorama(*words, "--preview-every", 48, "--keep", 1)
    assert "changes preview_every 64 → 48, keep 2 → 1" in told
    assert "is complete" in told
    assert "To draw from it: diorama sample" in told
    assert [path.name for path in sorted((run / "samples").iterdir())] == ["001.png", "002.png"]
    changes = json.loads((run / "recipe.json").read_text())["changes"]
    assert [(change["name"], change["images"]) for change in changes] == [("preview_every", 16), ("keep", 16)]
    assert "96 images" in diorama("describe", run)


def test_a_run_that_draws_by_label_alone_says_so(diorama: Run, tmp_path: Path) -> None:
    for name in "ab":
        folder_of(tmp_path / "in" / name, 20)
    diorama("prepare", tmp_path / "in", "--out", tmp_path / "data", "--size", 16)
    sizes = ("--method.generator.width", 1, "--method.discriminator.width", 1)
    words = ("train", "biggan_cpu", "--data", tmp_path / "data", "--out", tmp_path / "run", "--images", 32)
    told = diorama(*words, *sizes, "--evaluation.samples", 0)
    command = re.search(r"To draw from it: diorama (.* --label all .*)", told)
    assert command is not None
    diorama(*shlex.split(command[1]), "--psi", 0.7, "--standing", 1)
    rows = json.loads((tmp_path / "run-samples" / "samples.json").read_text())["samples"]
    assert [row["condition"]["label"] for row in rows[:3]] == ["a", "b", "a"]
    assert 'condition={"label": "all"}' in (tmp_path / "run" / "model" / "README.md").read_text()
    assert "cannot be truncated" in diorama("sample", _gan(diorama, tmp_path), "--psi", 0.5, "--out", "x", code=1)


def _gan(diorama: Run, tmp_path: Path) -> Path:
    """A run of a generator without truncation."""
    words = ("train", "dcgan_cpu", "--data", tmp_path / "data", "--out", tmp_path / "plain", "--images", 32)
    diorama(*words, *SHORT)
    return tmp_path / "plain"


def test_a_run_is_ended_where_it_stands(diorama: Run, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("train", "dcgan_cpu", "--data", data, "--out", run, *SHORT)
    diorama(*words, "--images", 96, "--time", "0.001s")
    assert "is complete" in diorama(*words, "--images", 16)


def test_a_dry_run_touches_nothing(diorama: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.cli.dry_run._STEPS", 3)
    with untouched(tmp_path, tmp_path / "cache"):
        told = diorama("train", "dcgan_cpu", "--data", data, "--out", tmp_path / "run", "--dry-run", *SHORT)
    assert "Nothing was written." in told
    for name in ("parameters", "memory", "time", "writes"):
        assert f"\n{name} " in told


def test_a_file_of_options_drives_a_run_and_the_command_line_wins(diorama: Run, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    lines = ['recipe = "dcgan_cpu"', f"data = {str(data)!r}", "images = 64", "batch_size = 8", "keep = 1"]
    tables = ["[method]", "generator.features = 8", "discriminator.features = 8", "[evaluation]", "samples = 0"]
    file.write_text("\n".join([*lines, *tables]))
    diorama("train", "--config", file, "--out", tmp_path / "run", "--batch-size", 16)
    recipe = json.loads((tmp_path / "run/recipe.json").read_text())["recipe"]
    assert (recipe["images"], recipe["batch_size"], recipe["keep"]) == (64, 16, 1)
    assert recipe["method"]["generator"]["features"] == 8
    file.write_text("\n".join([*lines, *tables, "sample = 3"]))
    told = diorama("train", "--config", file, "--out", tmp_path / "other", code=2)
    assert f"{file}:evaluation.sample: " in told
    assert "did you mean evaluation.samples?" in told


def test_a_size_that_a_recipe_does_not_take_names_those_it_takes(diorama: Run, tmp_path: Path) -> None:
    out = tmp_path / "data"
    told = diorama("prepare", folder_of(tmp_path / "in", 20), "--out", out, "--size", 50)
    assert "the others take --size 32 or --size 64" in told
    told = diorama("train", "dcgan_cpu", "--data", out, "--out", tmp_path / "run", code=2)
    assert "diorama prepare SOURCE --out FOLDER --size 48" in told
    assert "64x48" in diorama("prepare", tmp_path / "in", "--out", tmp_path / "x", "--size", "64x48", code=2)
