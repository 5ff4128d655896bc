"""Wrong words on the command line: the field or file is named, with the nearest one; nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.pictures import folder_of
from tests.journeys.conftest import TINY_GAN, Run
from tests.journeys.surroundings import untouched

SHORT = (*TINY_GAN, "--images", "16", "--evaluation.samples", "0")
"""Ends at once where a wrong value is not found."""


@pytest.fixture
def data(diorama: Run, tmp_path: Path) -> Path:
    out = tmp_path / "data"
    diorama("prepare", folder_of(tmp_path / "in", 20), "--out", out, "--size", 16)
    return out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--optimizers.generator.rate.peek", "1"), "did you mean --optimizers.generator.rate.peak?"),
        (("--batchsize", "4"), "it is called --batch-size"),
        (("--batch-size", "0"), "--batch-size"),
        (("--batch-size", "-4"), "--batch-size"),
        (("--batch-size", "many"), "batch-size"),
        (("--batch-size",), "batch-size"),
        (("--images", "0"), "images"),
        (("--images", "2m"), "bare 'm'"),
        (("--images", "-5"), "images"),
        (("--log-every", "-1"), "--log-every"),
        (("--keep", "0"), "keep"),
        (("--optimizers.generator.rate.peak", "nan"), "peak"),
        (("--optimizers.generator.rate.peak", "-1"), "peak"),
        (("--optimizers.generator.kind", "sgdd"), "kind"),
        (("--precision", "fp8"), "precision"),
        (("--device", "tpu"), "tpu"),
        (("--time", "5m"), "bare 'm'"),
        (("--evaluation.metrics", "fd@light"), "did you mean --evaluation.metric?"),
        (("stray",), "stray"),
    ],
)
def test_a_wrong_value_ends_with_two_and_its_field(
    diorama: Run, data: Path, tmp_path: Path, words: tuple[str, ...], named: str
) -> None:
    with untouched(tmp_path, tmp_path / "cache"):
        told = diorama("train", "dcgan_cpu", "--data", data, "--out", tmp_path / "out", *SHORT, *words, code=2)
    assert named in " ".join(told.replace("│", " ").split())


@pytest.mark.parametrize(
    ("content", "function", "code", "named"),
    [
        ("def faces(info:\n", "faces", 1, "SyntaxError"),
        ("import nothing_of_that_name\n", "faces", 1, "nothing_of_that_name"),
        ("raise SystemExit(3)\n", "faces", 1, "SystemExit"),
        ("def face(info): ...\n", "faces", 2, "did you mean 'face'?"),
        ("def faces(info): return 3\n", "faces", 2, "must return a Recipe"),
        ("def faces(): return 3\n", "faces", 2, "faces"),
        ("def faces(info): return info.colour\n", "faces", 2, "colour"),
        ("CATALOG = ('x',)\ndef faces(info): ...\n", "faces", 1, "CATALOG"),
        ("CATALOG = 3\ndef faces(info): ...\n", "faces", 1, "CATALOG"),
    ],
)
def test_a_recipe_file_that_cannot_be_used_is_named(
    diorama: Run, data: Path, tmp_path: Path, content: str, function: str, code: int, named: str
) -> None:
    own = tmp_path / "own.py"
    own.write_text(content)
    with untouched(tmp_path, tmp_path / "cache", tmp_path / "__pycache__"):
        words = ("train", f"{own}:{function}", "--data", data, "--out", tmp_path / "out")
        told = diorama(*words, code=code)
    assert named in told
    assert str(own) in told


def test_a_recipe_for_clips_does_not_take_pictures(diorama: Run, data: Path, tmp_path: Path) -> None:
    with untouched(tmp_path, tmp_path / "cache"):
        told = diorama("train", "mocogan_cpu", "--data", data, "--out", tmp_path / "out", code=2)
    assert "clips" in told


@pytest.mark.parametrize(
    "words",
    [
        ("--size", "0"),
        ("--size", "-3"),
        ("--split", ".5,.6,.1"),
        ("--frames", "0"),
        ("--fps", "-1"),
        ("--fps", "nan"),
        ("--workers", "-1"),
        ("--fit", "stretch"),
    ],
)
def test_wrong_options_of_prepare_are_named(diorama: Run, tmp_path: Path, words: tuple[str, str]) -> None:
    source = folder_of(tmp_path / "in", 1)
    with untouched(tmp_path):
        told = diorama("prepare", source, "--out", tmp_path / "out", *words, code=2)
    assert words[0].removeprefix("--") in told


def test_networks_that_cannot_be_built_are_told(diorama: Run, data: Path, tmp_path: Path) -> None:
    words = ("train", "dcgan_cpu", "--data", data, "--out", tmp_path / "out", *SHORT)
    assert "recipe.method" in diorama(*words, "--method.generator.features", "-8", code=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, *(pytest.param(other, marks=pytest.mark.long) for other in ({}, {"LC_ALL": "C"}))],
    ids=str,
)
def test_names_that_no_text_can_hold_are_printed_nevertheless(tmp_path: Path, environment: dict[str, str]) -> None:
    source, out = (Path(os.fsdecode(os.fsencode(tmp_path) + end)) for end in (b"/in\xff", b"/out\xfe"))
    done = subprocess.run(
        [sys.executable, "-m", "diorama", "prepare", folder_of(source, 2), "--out", out, "--size", "16"],
        capture_output=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == 0
    assert (out / "dataset.json").is_file()
