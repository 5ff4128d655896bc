"""Samples in every format are read by whatever reads samples, and drawn again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diorama as api
from diorama.core.contracts import MediaSpec
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import CLASSES, World
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.recipes.ddpm import ddpm_class_cpu
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.samples import Given, SampleOptions
from tests.journeys.conftest import Run

SUFFIX = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
COUNT = 24


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data in two classes, an untrained model of them, and its samples in every format."""
    folder = tmp_path_factory.mktemp("formats")
    media = MediaSpec(kind="image", channels=3, height=16, width=16)
    pixels, labels = World(size=16).pictures(np.arange(60)), np.arange(60) % 2
    splits, numbers = {"train": pixels[:30], "val": pixels[30:]}, {"train": labels[:30], "val": labels[30:]}
    pack_arrays(folder / "data", splits, media, labels=numbers, classes=CLASSES[:2], name="data")
    method: Any = ddpm_class_cpu(api.open_dataset(folder / "data").info).method
    config = replace(method.synthesizer, steps=2)
    store.save(folder / "model", config, config.build().state_dict(), Provenance(recipe={"name": "tiny"}), "")
    model = store.load(folder / "model")
    for asked in SUFFIX:
        given = Given(label="all")
        options = SampleOptions(format=asked, given=given)  # type: ignore[arg-type]
        list(api.sample(model, COUNT, out=folder / asked, options=options))
    return folder


def pixels(path: Path) -> np.ndarray:
    return read_image(path.read_bytes(), path.name).pixels.astype(int)


@pytest.mark.parametrize("asked", list(SUFFIX))
def test_a_folder_of_any_format_is_listed_and_marked(place: Path, asked: str) -> None:
    names = sorted(path.name for path in (place / asked).iterdir())
    assert names == [*(f"{i:06d}{SUFFIX[asked]}" for i in range(COUNT)), "samples.json"]
    rows = json.loads((place / asked / "samples.json").read_text())["samples"]
    assert [row["file"] for row in rows] == names[:-1]
    stamp = read_stamp(place / asked / names[3])
    assert stamp is not None
    assert (stamp.index, stamp.condition) == (3, {"label": CLASSES[1]})


def test_lossless_formats_hold_the_same_and_jpeg_nearly(place: Path) -> None:
    for i in range(3):
        png, jpeg, webp = (pixels(place / asked / f"{i:06d}{suffix}") for asked, suffix in SUFFIX.items())
        assert (png == webp).all()
        # Noise of single pixels is the worst that JPEG can be given.
        assert 0 < abs(png - jpeg).mean() < 8


@pytest.mark.parametrize("asked", list(SUFFIX))
def test_samples_of_any_format_are_measured_and_prepared(diorama: Run, place: Path, tmp_path: Path, asked: str) -> None:
    scores = tmp_path / "scores.json"
    told = diorama(
        *("evaluate", place / asked, "--against", place / "data", "--split", "val"),
        *("--metrics", "fd@lite", "--json", scores),
    )
    assert "left out" not in told
    (result,) = json.loads(scores.read_text())["results"]
    assert result["samples"] == COUNT
    told = diorama("prepare", place / asked, "--out", tmp_path / "again", "--size", 16)
    assert "facts were read from samples.json" in told
    dataset = api.open_dataset(tmp_path / "again")
    assert (len(dataset), dataset.info.classes) == (COUNT, tuple(sorted(CLASSES[:2])))


def test_samples_of_every_format_stand_in_one_report(diorama: Run, place: Path, tmp_path: Path) -> None:
    given = [word for asked in ("jpeg", "webp") for word in ("--samples", f"{asked}={place / asked}")]
    out = tmp_path / "report"
    diorama(
        *("compare", "--data", place / "data", *given, "--count", 20, "--metrics", "fd@lite", "--out", out),
    )
    (report,) = json.loads((out / "report.json").read_text())["comparisons"]
    assert {"jpeg", "webp"} <= {model["name"] for model in report["models"]}


@pytest.mark.parametrize(("before", "after"), [("png", "jpg"), ("jpeg", "webp"), ("webp", "png")])
def test_an_older_folder_of_another_format_is_replaced(
    diorama: Run, place: Path, tmp_path: Path, before: str, after: str
) -> None:
    out = tmp_path / "out"
    diorama("sample", place / "model", "--count", 3, "--out", out, "--format", before)
    diorama("sample", place / "model", "--count", 2, "--out", out, "--format", after)
    suffix = {"jpg": ".jpg", **SUFFIX}[after]
    assert sorted(path.name for path in out.iterdir()) == [f"000000{suffix}", f"000001{suffix}", "samples.json"]


@pytest.mark.parametrize("asked", list(SUFFIX))
def test_a_file_of_any_format_is_drawn_again(diorama: Run, place: Path, tmp_path: Path, asked: str) -> None:
    file = place / asked / f"000005{SUFFIX[asked]}"
    diorama("sample", place / "model", "--like", file, "--out", tmp_path / "like", "--format", "webp")
    assert [path.name for path in tmp_path.joinpath("like").glob("0*")] == ["000005.webp"]
    # Of a bf16 pass of another batch size a level or two may differ.
    assert abs(pixels(tmp_path / "like" / "000005.webp") - pixels(place / "png" / "000005.png")).mean() < 1
    assert f"label         {CLASSES[1]}" in diorama("describe", file)


def test_the_grid_beside_the_folder_is_said(diorama: Run, place: Path, tmp_path: Path) -> None:
    grid = tmp_path / "grids" / "first.png"
    told = diorama("sample", place / "model", "--count", 70, "--out", tmp_path / "out", "--grid", grid)
    assert f"70 samples in {tmp_path / 'out'}\n{grid} shows the first 64 of 70 samples" in told
    told = diorama("sample", place / "model", "--like", grid, "--out", tmp_path / "like", code=1)
    assert "a grid or a preview shows several" in told


def test_a_number_is_said_to_be_a_number_of_a_class(diorama: Run, place: Path, tmp_path: Path) -> None:
    told = diorama("sample", place / "model", "--label", 1, "--count", 1, "--out", tmp_path / "out")
    assert f"label '1' is class number 1, {CLASSES[1]!r}" in told


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--format", "mp4"), 2, "format mp4: this model draws pictures, which are written as png, jpeg or webp"),
        (("--format", "jpge"), 2, "there is no format 'jpge' (did you mean 'jpeg'?)"),
        (("--grid", "OUT/grid.png"), 2, "lies in "),
        (("--grid", "grid.txt"), 2, "is no name for a grid; it ends in one of"),
        (("--grid", "grid.gif"), 2, "this model draws pictures, whose grid is one of .png"),
        (("--label", "crcle"), 2, "label 'crcle' (did you mean 'circle'?)"),
        (("--setps", "3"), 2, "did you mean --steps?"),
        (("--gudance", "3"), 2, "did you mean --guidance?"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    diorama: Run, place: Path, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    out = tmp_path / "out"
    said = [word.replace("OUT", str(out)) for word in words]
    told = diorama("sample", place / "model", "--out", out, "--count", 2, *said, code=code)
    assert message in told.splitlines()[-1]
    assert sum(line.startswith("diorama: ") for line in told.splitlines()) == 1
    assert not out.exists()


def test_the_file_that_is_drawn_again_is_not_replaced_by_a_grid(diorama: Run, place: Path, tmp_path: Path) -> None:
    file = place / "png" / "000001.png"
    told = diorama("sample", place / "model", "--like", file, "--out", tmp_path / "out", "--grid", file, code=2)
    assert "--grid" in told or "lies in a folder of samples" in told
    assert file.exists()


def test_a_model_that_is_not_there_is_answered_with_the_nearest(diorama: Run, place: Path, tmp_path: Path) -> None:
    told = diorama("sample", place / "modle", "--out", tmp_path / "out", code=1)
    assert "there is no such folder (did you mean 'model'?)" in told
