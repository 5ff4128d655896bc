"""A classifier of noisy pictures is trained, guides a model, and draws nothing by itself."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.data.pictures import folder_of
from tests.journeys.conftest import Run

SHORT = ("--images", 8, "--batch-size", 4, "--evaluation.samples", 0, "--preview-every", 0)


def test_a_trained_classifier_says_how_it_guides_and_does(diorama: Run, tmp_path: Path) -> None:
    for name in "ab":
        folder_of(tmp_path / "in" / name, 20)
    data, led, guide = tmp_path / "data", tmp_path / "led", tmp_path / "guide"
    diorama("prepare", tmp_path / "in", "--out", data, "--size", 16)
    diorama("train", "ddpm_cpu", "--data", data, "--out", led, *SHORT)
    told = diorama("train", "adm_classifier_cpu", "--data", data, "--out", guide, *SHORT)
    command = re.search(r"To guide a model by it: diorama (.*)", told)
    assert command is not None
    words = [str(led) if word == "MODEL" else word for word in shlex.split(command[1])]
    diorama(*words, "--count", 2, "--steps", 2)
    listed = json.loads((tmp_path / "guide-samples" / "samples.json").read_text())
    assert listed["sampling"]["guidance_kind"] == "classifier"
    assert [row["condition"]["label"] for row in listed["samples"]] == ["a", "b"]

    words = ("sample", led, "--guide", guide, "--guidance", 2, "--count", 2, "--steps", 2, "--out", tmp_path / "none")
    assert "a scale of 2 changes nothing where samples are given nothing; give a label" in diorama(*words)
    out = tmp_path / "out"
    for wrong in (
        ("sample", guide, "--out", out),
        ("evaluate", guide, "--against", data, "--count", 20),
        ("compare", "--data", data, "--runs", guide, "--recipes", "dcgan_cpu", "--out", out, "--count", 20),
    ):
        said = diorama(*wrong, code=1).splitlines()[-1]
        assert f"{guide}: is a noisy classifier, which draws nothing; it guides" in said
        assert not (out / "runs").exists()
