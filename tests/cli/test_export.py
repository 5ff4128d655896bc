"""``diorama export`` to ONNX and to StyleGAN's zips: options that do not fit, what is left, what is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from diorama.cli.main import run
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from tests.data.pictures import packed
from tests.synthesis.models import tiny_diffusion

Captured = pytest.CaptureFixture[str]


def one_line(words: Sequence[object], code: int, capsys: Captured) -> str:
    assert run(["export", *map(str, words)]) == code
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "onnx", "--out", "a.pt"], "--out a.pt: the file's name must end in .onnx"),
        (["--to", "onnx", "--out", "a.onnx", "--sampler", "ddim"], "--sampler: belongs to published layouts"),
        (["--to", "diffusers", "--out", "a", "--psi", "0.5"], "--psi: belongs to --to onnx"),
        (["--to", "onnx", "--out", "a.onnx", "--split", "val"], "--split: belongs to --to stylegan-zip"),
        (["--to", "stylegan-zip", "--out", "a"], "--out a: the file's name must end in .zip"),
        (["--to", "onx", "--out", "a.onnx"], "onnx, stylegan-zip"),
    ],
)
def test_options_that_do_not_fit_are_told(words: list[str], told: str, capsys: Captured) -> None:
    assert told in one_line(["model", *words], 2, capsys)


def test_a_diffusion_model_is_told_what_it_can_be_written_as_and_leaves_no_file(
    tmp_path: Path, capsys: Captured
) -> None:
    model = tiny_diffusion()
    store.save(tmp_path / "model", model.config, model.state_dict(), Provenance(), "")
    line = one_line([tmp_path / "model", "--to", "onnx", "--out", tmp_path / "a.onnx"], 1, capsys)
    assert "this is a diffusion model; its weights can be written --to diffusers-unet2d" in line
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_prepared_data_become_a_zip_and_the_other_splits_are_counted(tmp_path: Path, capsys: Captured) -> None:
    packed(tmp_path / "data", 5, classes=2, split="val")
    words = ["export", str(tmp_path / "data"), "--to", "stylegan-zip", "--out", str(tmp_path / "a.zip")]
    assert run(words) == 2
    assert "'train'" in capsys.readouterr().err
    assert run([*words, "--split", "val"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'a.zip'}: 5 pictures of 8 x 8, 3 channels, uint8\n"
    assert printed.err == ""
