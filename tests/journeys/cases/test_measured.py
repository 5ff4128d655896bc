"""Cases of measuring and training: folders held against each other, sizes, and a run that goes on elsewhere.

Each test bears the name of the report that it stands for.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.data.pictures import folder_of, picture, save
from tests.journeys.cases.conftest import Prepare
from tests.journeys.conftest import TINY_GAN, Run


def _folder(folder: Path, first: int, size: tuple[int, int], channels: int = 3, count: int = 24) -> Path:
    for i in range(count):
        save(picture(first + i, size, channels), folder / f"{i}.png")
    return folder


def test_c15_two_folders_are_measured_whole_and_at_their_own_size(diorama: Run, tmp_path: Path) -> None:
    real, fake = _folder(tmp_path / "real", 0, (96, 96)), _folder(tmp_path / "fake", 500, (96, 96))
    words = ("--metrics", "fd@lite", "--json", tmp_path / "scores.json")
    told = diorama("evaluate", fake, "--against", real, *words)
    (result,) = json.loads((tmp_path / "scores.json").read_text())["results"]
    assert (result["samples"], result["reference"]["count"]) == (24, 24)
    assert f"{real}: read as it is, 24 pictures of 96x96" in told


def test_c22_a_collapsed_generator_has_no_recall(diorama: Run, tmp_path: Path) -> None:
    real = _folder(tmp_path / "real", 0, (32, 32), count=60)
    for i in range(60):
        save(picture(7, (32, 32)), tmp_path / "same" / f"{i}.png")
    words = ("--metrics", "fd@lite,precision@lite,recall@lite,coverage@lite", "--json", tmp_path / "scores.json")
    diorama("evaluate", tmp_path / "same", "--against", real, *words)
    values = {r["metric"]: r["value"] for r in json.loads((tmp_path / "scores.json").read_text())["results"]}
    assert values["precision@lite"] == 1
    assert values["recall@lite"] < 0.05
    assert values["coverage@lite"] < 0.2
    diorama("evaluate", real, "--against", real, *words)
    same = {r["metric"]: r["value"] for r in json.loads((tmp_path / "scores.json").read_text())["results"]}
    assert same["recall@lite"] == same["coverage@lite"] == 1
    assert values["fd@lite"] > same["fd@lite"] + 10


@pytest.mark.parametrize(
    ("size", "channels", "asked", "recipe", "code", "said"),
    [
        ((28, 28), 1, 28, "ddpm_toy", 0, "is complete"),
        ((32, 48), 3, "None", "ddpm_toy", 0, "is complete"),
        ((33, 33), 3, 33, "dcgan_cpu", 2, "prepare anew with --size 32 or --size 36"),
    ],
    ids=["s28", "wide", "odd"],
)
def test_c23_sizes_are_taken_or_refused_with_the_nearest(
    diorama: Run,
    prepare: Prepare,
    tmp_path: Path,
    size: tuple[int, int],
    channels: int,
    asked: object,
    recipe: str,
    code: int,
    said: str,
) -> None:
    made = prepare(_folder(tmp_path / "set", 0, size, channels), "--size", asked)
    media = made.dataset.info.media
    assert (media.height, media.width, media.channels) == (*size, channels)
    run = tmp_path / "run"
    words = ("--images", 8, "--batch-size", 8, "--evaluation.samples", 0, "--preview-every", 8, "--log-every", 8)
    few = ("--method.synthesizer.steps", 3) if recipe == "ddpm_toy" else ()
    told = diorama("train", recipe, "--data", made.dataset.path, "--out", run, *words, *few, code=code)
    assert said in told
    assert (run / "model").is_dir() is (code == 0)


def test_a_run_goes_on_after_its_data_and_it_were_moved(diorama: Run, prepare: Prepare, tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path / "set", 40), "--size", 16).dataset.path
    words = (*TINY_GAN, "--evaluation.samples", 0)
    diorama("train", "dcgan_cpu", "--data", data, "--out", tmp_path / "a", "--images", 96, *words)
    diorama("train", "dcgan_cpu", "--data", data, "--out", tmp_path / "b", "--images", 96, "--time", "0.001s", *words)
    shutil.move(data, tmp_path / "moved data")
    shutil.move(tmp_path / "b", tmp_path / "elsewhere")
    told = diorama(
        *("train", "dcgan_cpu", "--data", tmp_path / "moved data", "--out", tmp_path / "elsewhere", "--images", 96),
        *words,
    )
    assert "is complete" in told
    weights = [sorted((tmp_path / run / "model").glob("*.safetensors")) for run in ("a", "elsewhere")]
    digests = [[hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] for paths in weights]
    assert digests[0]
    assert digests[0] == digests[1]
