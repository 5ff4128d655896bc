"""From a folder of pictures to a model that enlarges small ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.pictures import picture, save
from tests.journeys.conftest import Run


def test_a_model_learns_to_enlarge_pictures_of_a_folder(diorama: Run, tmp_path: Path) -> None:
    for number in range(24):
        save(picture(number, (16, 16)), tmp_path / "photos" / f"{number}.png")
    told = diorama("prepare", tmp_path / "photos", "--size", 16, "--small", 8, "--out", tmp_path / "pairs")
    assert "shrunk to 8 x 8; those of 16 x 16 are their partners" in told
    assert "next: diorama train edm_upscale_cpu" in told
    training = ("train", "edm_upscale_cpu", "--data", tmp_path / "pairs", "--out", tmp_path / "run", "--images", 64)
    told = diorama(*training, "--preview-every", 0)
    assert f"To draw from it: diorama upscale {tmp_path / 'run'} SMALL_PICTURES --out" in told

    small = tmp_path / "small"
    small.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    for number, content in enumerate(pixels):
        Image.fromarray(content).save(small / f"{number}.png")
    upscale = ("upscale", tmp_path / "run", small, "--steps", 3)
    diorama(*upscale, "--out", tmp_path / "large")
    with Image.open(tmp_path / "large" / "000000.png") as first:
        assert first.size == (16, 16)
    listed = json.loads((tmp_path / "large" / "samples.json").read_text())
    assert listed["task"] == "upscale"

    given = ("--records", tmp_path / "pairs", "--split", "test", "--count", 2, "--steps", 3)
    diorama("sample", tmp_path / "run", *given, "--out", tmp_path / "drawn")

    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(small / "wide.png")
    refused = diorama(*upscale, "--out", tmp_path / "other", code=1)
    assert "wide.png: is 12 x 8 pixels, and the model reads 8 x 8" in refused


def test_pictures_without_larger_ones_are_not_learnt_to_enlarge(diorama: Run, tmp_path: Path) -> None:
    for number in range(12):
        save(picture(number, (16, 16)), tmp_path / "photos" / f"{number}.png")
    diorama("prepare", tmp_path / "photos", "--size", 16, "--out", tmp_path / "plain")
    training = ("train", "edm_upscale_cpu", "--data", tmp_path / "plain", "--out", tmp_path / "run")
    refused = diorama(*training, code=2)
    assert "have no larger ones beside them (side target); prepare makes them with --size N --small M" in refused
