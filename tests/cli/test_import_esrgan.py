"""Files of ESRGAN and Real-ESRGAN as their publishers wrote them: imported, used to enlarge, and written back."""

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
from diorama.core.errors import DioramaWarning
from tests.conformance.case import Case, golden_folder, read_case

ABSENT = pytest.mark.skipif(not golden_folder().is_dir(), reason="no golden files: set DIORAMA_GOLDEN")
Captured = pytest.CaptureFixture[str]

FILES = {
    "gan_rrdbnet_old": ("esrgan-2018", "plain, old"),
    "gan_rrdbnet_trunk": ("esrgan", "parallel, old"),
    "gan_rrdbnet_new": ("basicsr", "both"),
    "gan_rrdbnet_x2": ("basicsr", "both"),
    "gan_rrdbnet_x1": ("basicsr", "params"),
    "gan_srvgg": ("basicsr", "params"),
    "gan_srresnet": ("basicsr", "plain"),
}
"""Golden networks, the layouts that they are recognised as, and how their publishers wrapped their tensors."""


def said(words: list[Any], code: int, capsys: Captured) -> str:
    """What ``diorama WORDS`` prints; it must end with a code."""
    assert run([str(word) for word in words]) == code, capsys.readouterr().err
    printed = capsys.readouterr()
    return printed.out + printed.err


def saved(weights: dict[str, torch.Tensor], how: str, file: Path) -> None:
    """Write weights as PyTorch of that time and that program do."""
    content: Any = weights
    if "parallel" in how:
        content = {f"module.{name}": tensor for name, tensor in weights.items()}
    elif how == "params":
        content = {"params": weights}
    elif how == "both":
        content = {"params": {name: torch.zeros_like(t) for name, t in weights.items()}, "params_ema": weights}
    torch.save(content, file, _use_new_zipfile_serialization="old" not in how)


def imported(stem: str, tmp_path: Path, capsys: Captured) -> tuple[Case, Path]:
    """A golden network in a file of its publisher, and the model folder that import makes of it."""
    case, file, model = read_case(golden_folder() / f"{stem}.safetensors"), tmp_path / "net_g.pth", tmp_path / "model"
    layout, how = FILES[stem]
    saved(case.weights, how, file)
    told = said(["import", file, "--out", model], 0, capsys)
    assert f" of {layout}, " in told
    assert "takes pictures of any size" in told
    if how == "both":
        assert f"took the {len(case.weights)} tensors under 'params_ema', left out {len(case.weights)} others" in told
    return case, model


def pixels(folder: Path, number: int) -> np.ndarray:
    """The picture of that number."""
    with Image.open(folder / f"{number:06d}.png") as picture:
        return np.asarray(picture, int)


@ABSENT
@pytest.mark.parametrize("stem", FILES)
def test_a_file_becomes_a_model_that_enlarges_as_its_publisher_does(
    stem: str, tmp_path: Path, capsys: Captured
) -> None:
    case, folder = imported(stem, tmp_path, capsys)
    made = load(folder).of_picture(case.inputs["lr"] * 2 - 1)
    expected = (case.outputs["img"] * 2 - 1).clamp(-1, 1)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4 * case.outputs["img"].abs().max().item())
    back = tmp_path / "back.safetensors"
    said(["export", folder, "--to", FILES[stem][0], "--out", back], 0, capsys)
    written = load_file(back)
    assert written.keys() == case.weights.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in case.weights.items())


@ABSENT
def test_pictures_of_any_sizes_are_enlarged_in_squares_and_marked(tmp_path: Path, capsys: Captured) -> None:
    _, folder = imported("gan_rrdbnet_x2", tmp_path, capsys)
    source, out = tmp_path / "small", tmp_path / "large"
    source.mkdir()
    random = np.random.default_rng(0)
    for name, size in {"a": (13, 20), "b": (31, 6)}.items():
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(source / f"{name}.png")
    filled = "2 of 2 given pictures: sides are filled up to multiples of 2 with mirrored pixels"
    with pytest.warns(DioramaWarning, match=filled):
        told = said(["upscale", folder, source, "--out", out, "--tile", "16"], 0, capsys)
    assert "2 pictures in" in told
    assert [pixels(out, i).shape for i in (0, 1)] == [(26, 40, 3), (62, 12, 3)]
    listed = json.loads((out / "samples.json").read_text())
    assert (listed["task"], listed["settings"]) == ("upscale", {"tile": 16})
    assert b"compositeWithTrainedAlgorithmicMedia" in (out / "000000.png").read_bytes()
    # Squares of 16 pixels with their margins hold these pictures whole.
    with pytest.warns(DioramaWarning, match=filled):
        said(["upscale", folder, source, "--out", tmp_path / "whole", "--tile", "0"], 0, capsys)
    for i in (0, 1):
        assert np.abs(pixels(out, i) - pixels(tmp_path / "whole", i)).max() <= 1


@ABSENT
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--tile", "15"], 2, "tile: must be a multiple of 2 for this network, got 15"),
        (["--tile", "-1"], 2, "--tile must be at least 0"),
        (["--count", "2"], 2, "--count: this model makes the same picture every time"),
        (["--steps", "3"], 1, "steps: this model draws in one pass and has none"),
    ],
)
def test_what_it_cannot_be_asked_for_is_said(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: Captured
) -> None:
    _, folder = imported("gan_rrdbnet_x2", tmp_path, capsys)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    said_it = said(["upscale", folder, tmp_path / "a.png", "--out", tmp_path / "out", *options], code, capsys)
    assert message in said_it
    assert not (tmp_path / "out").exists()


@ABSENT
def test_a_discriminator_is_no_model(tmp_path: Path, capsys: Captured) -> None:
    case = read_case(golden_folder() / "gan_esrgan_d_unet.safetensors")
    saved(case.weights, "params", tmp_path / "net_d.pth")
    told = said(["import", tmp_path / "net_d.pth", "--out", tmp_path / "model"], 1, capsys)
    assert "UNetDiscriminatorSN of basicsr. A discriminator draws nothing" in told
    assert not (tmp_path / "model").exists()
