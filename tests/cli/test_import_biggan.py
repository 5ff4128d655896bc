"""The golden networks of BigGAN as their publisher's files: imported, drawn from by label and psi, and written back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from diorama import load
from diorama.cli.main import run
from tests.conformance.case import Case, golden_folder, read_case

ABSENT = pytest.mark.skipif(not golden_folder().is_dir(), reason="no golden files: set DIORAMA_GOLDEN")
Captured = pytest.CaptureFixture[str]


def said(words: list[Any], code: int, capsys: Captured) -> str:
    """What ``diorama WORDS`` prints; it must end with a code."""
    assert run([str(word) for word in words]) == code, capsys.readouterr().err
    printed = capsys.readouterr()
    return printed.out + printed.err


def imported(stem: str, tmp_path: Path, capsys: Captured) -> tuple[Case, Path]:
    """A golden network as a state dict in a file, without any config, and the model folder that import makes of it."""
    case, file, model = read_case(golden_folder() / f"{stem}.safetensors"), tmp_path / "G_ema.pth", tmp_path / "model"
    torch.save(case.weights, file)
    told = said(["import", file, "--out", model], 0, capsys)
    assert f"G_ema.pth: {case.kind} of biggan-pytorch, {len(case.weights)} tensors" in told
    assert "classes have no names" in told
    return case, model


@ABSENT
@pytest.mark.parametrize("stem", ["gan_biggan_g", "gan_biggan_g_nohier", "gan_biggandeep_g"])
def test_a_state_dict_alone_becomes_a_model_that_draws_what_its_publisher_draws(
    stem: str, tmp_path: Path, capsys: Captured
) -> None:
    case, model = imported(stem, tmp_path, capsys)
    drawn = load(model).sample(2, noise=case.inputs["z"], condition={"label": case.inputs["y"]})
    torch.testing.assert_close(drawn, case.outputs["img"], rtol=0, atol=2e-5)
    back = tmp_path / "back.safetensors"
    said(["export", model, "--to", "biggan-pytorch", "--out", back], 0, capsys)
    written = load_file(back)
    assert written.keys() == case.weights.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in case.weights.items())
    assert json.loads(back.with_suffix(".json").read_text())["n_classes"] == case.config["n_classes"]


@ABSENT
def test_samples_are_drawn_by_label_psi_and_standing_statistics_and_drawn_again(
    tmp_path: Path, capsys: Captured
) -> None:
    _, model = imported("gan_biggan_g_nohier", tmp_path, capsys)
    assert "needs a label" in said(["sample", model, "--count", 2, "--out", tmp_path / "none"], 1, capsys)
    out, again = tmp_path / "out", tmp_path / "again"
    words: list[Any] = ["--psi", 0.5, "--standing", 2]
    said(["sample", model, "--count", 4, "--label", "all", "--seed", 3, *words, "--out", out], 0, capsys)
    assert json.loads((out / "samples.json").read_text())["sampling"] | {"psi": 0.5, "standing": 2} == {
        "sampler": None, "steps": None, "guidance": None, "psi": 0.5, "standing": 2
    }  # fmt: skip
    told = said(["describe", out / "000002.png"], 0, capsys)
    assert "psi" in told
    assert "label  " in told
    said(["sample", model, "--like", out / "000002.png", "--out", again], 0, capsys)
    first, second = (np.asarray(Image.open(folder / "000002.png")).astype(int) for folder in (out, again))
    assert np.abs(first - second).max() <= 1
    assert "--psi: --like takes it" in said(
        ["sample", model, "--like", out / "000002.png", "--psi", 1, "--out", again], 2, capsys
    )


@ABSENT
def test_a_discriminator_draws_nothing(tmp_path: Path, capsys: Captured) -> None:
    case = read_case(golden_folder() / "gan_biggan_d.safetensors")
    torch.save(case.weights, tmp_path / "D.pth")
    told = said(["import", tmp_path / "D.pth", "--out", tmp_path / "model"], 1, capsys)
    assert "A discriminator draws nothing" in told
    assert not (tmp_path / "model").exists()
