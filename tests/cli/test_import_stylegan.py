"""StyleGAN 1, 2 and 3 as their publishers' files: imported, drawn from by label, psi and cutoff, and written back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from diorama import load
from diorama.cli.main import run
from diorama.interop import stylegan1, stylegan2, stylegan3
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.layout import Layout
from diorama.synthesis.base import Sampling
from tests.conformance.case import golden_folder, read_case
from tests.interop.published_stylegans import STYLEGAN2, STYLEGAN3, pickled, published_tensors

ABSENT = pytest.mark.skipif(not golden_folder().is_dir(), reason="no golden files: set DIORAMA_GOLDEN")
Captured = pytest.CaptureFixture[str]


def said(words: list[Any], code: int, capsys: Captured) -> str:
    """What ``diorama WORDS`` prints; it must end with a code."""
    assert run([str(word) for word in words]) == code, capsys.readouterr().err
    printed = capsys.readouterr()
    return printed.out + printed.err


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize(
    ("layout", "arguments", "label"),
    [(stylegan2.GENERATOR, STYLEGAN2, ["--label", 1]), (stylegan3.GENERATOR, STYLEGAN3, [])],
)
def test_a_pickle_becomes_a_model_that_draws_truncated_samples_and_is_written_back(
    layout: Layout[Any, Any], arguments: dict[str, Any], label: list[Any], tmp_path: Path, capsys: Captured
) -> None:
    tensors = published_tensors(layout, arguments)
    model, out, part, plain = (tmp_path / name for name in ("model", "out", "part", "plain"))
    told = said(["import", pickled(tmp_path / "G.pkl", tensors, arguments), "--out", model], 0, capsys)
    assert f"Generator of {layout.publisher}, {len(tensors)} tensors" in told
    assert "no file says" not in told
    draw = ["sample", model, *label, "--seed", 3]
    said([*draw, "--psi", 0.7, "--count", 4, "--out", out], 0, capsys)
    assert json.loads((out / "samples.json").read_text())["sampling"]["psi"] == 0.7
    # A sample is the same whatever is drawn beside it, noise of layers and all.
    said([*draw, "--psi", 0.7, "--count", 2, "--first", 2, "--out", part], 0, capsys)
    said([*draw, "--count", 4, "--out", plain], 0, capsys)
    files = [file.name for file in sorted(part.glob("*.png"))]
    assert len(files) == 2
    pairs = [(pixels(out / name), pixels(part / name)) for name in files]
    assert all(np.abs(whole - alone).max() <= 1 for whole, alone in pairs)
    assert all(np.abs(pixels(out / name) - pixels(plain / name)).max() > 1 for name in files)
    back = tmp_path / "back.safetensors"
    said(["export", model, "--to", layout.publisher, "--out", back], 0, capsys)
    written = load_file(back)
    assert written.keys() == tensors.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in tensors.items())
    assert layout.read_config(json.loads(back.with_suffix(".json").read_text())) == layout.read_config(arguments)


def test_plain_tensors_take_their_arguments_from_a_config_and_say_what_is_taken_without(
    tmp_path: Path, capsys: Captured
) -> None:
    file, config = tmp_path / "G.safetensors", tmp_path / "G.json"
    save_file(published_tensors(stylegan2.GENERATOR, STYLEGAN2), file)
    config.write_text(json.dumps(STYLEGAN2 | {"conv_clamp": 3}))
    said(["import", file, "--config", config, "--out", tmp_path / "given"], 0, capsys)
    told = said(["import", file, "--out", tmp_path / "guessed"], 0, capsys)
    assert "limits (conv_clamp)" in told
    limits = [load(tmp_path / name).config.generator.conv_clamp for name in ("given", "guessed")]
    assert limits == [3, 256]


def test_arguments_that_are_for_training_or_speed_alone_are_said_to_be_dropped(
    tmp_path: Path, capsys: Captured
) -> None:
    tensors = published_tensors(stylegan2.GENERATOR, STYLEGAN2)
    fast = {"fused_modconv_default": "inference_only"}
    file = pickled(tmp_path / "G.pkl", tensors, STYLEGAN2 | fast)
    told = said(["import", file, "--out", tmp_path / "model"], 0, capsys)
    assert 'left out of its arguments fused_modconv_default = "inference_only": for training or speed alone' in told
    judge = {"c_dim": 0, "img_resolution": 16, "img_channels": 3, "channel_base": 64, "channel_max": 8}
    judge |= {"block_kwargs": {"freeze_layers": 2}}
    save_file(published_tensors(stylegan2.DISCRIMINATOR, judge), tmp_path / "D.safetensors")
    (tmp_path / "D.json").write_text(json.dumps(judge))
    (note,) = open_checkpoint(tmp_path / "D.safetensors", config=tmp_path / "D.json").notes
    assert note == "left out of its arguments block_kwargs.freeze_layers = 2: for training or speed alone"


def test_noise_of_layers_is_each_samples_own_or_what_the_file_holds(tmp_path: Path, capsys: Captured) -> None:
    file = pickled(tmp_path / "G.pkl", published_tensors(stylegan2.GENERATOR, STYLEGAN2), STYLEGAN2)
    assert "each sample has its own noise" in said(["import", file, "--out", tmp_path / "own"], 0, capsys)
    told = said(["import", file, "--stored-noise", "--out", tmp_path / "stored"], 0, capsys)
    assert "its own noise" not in told
    z = torch.randn(1, 5, generator=torch.Generator().manual_seed(1)).expand(2, 5)
    own, stored = (
        load(tmp_path / name).sample(2, noise=z, condition={"label": 0}) for name in ("own", "stored")
    )  # fmt: skip
    assert not torch.allclose(own[0], own[1], atol=1e-2)
    torch.testing.assert_close(stored[0], stored[1])
    other = pickled(tmp_path / "G3.pkl", published_tensors(stylegan3.GENERATOR, STYLEGAN3), STYLEGAN3)
    refused = said(["import", other, "--stored-noise", "--out", tmp_path / "none"], 1, capsys)
    assert "stores no noise for its layers" in refused


@ABSENT
@pytest.mark.parametrize(
    "stem", ["gan_stylegan2_g_cond", "gan_stylegan2_g_uncond", "gan_stylegan2_g_resnet", "gan_stylegan3_t"]
)
def test_a_golden_pickle_draws_what_its_publisher_draws(stem: str, tmp_path: Path, capsys: Captured) -> None:
    case = read_case(golden_folder() / f"{stem}.safetensors")
    words = ["--stored-noise"] if "stylegan2" in stem else []
    file = pickled(tmp_path / "G.pkl", case.weights, case.config)
    said(["import", file, *words, "--out", tmp_path / "model"], 0, capsys)
    model, z = load(tmp_path / "model"), case.inputs["z"]
    condition = {"label": case.inputs["c"].argmax(dim=1)} if model.config.conditions else None
    drawn = model.sample(len(z), noise=z, condition=condition)
    torch.testing.assert_close(drawn, case.outputs["img"].clamp(-1, 1), rtol=0, atol=2e-5)
    if "img_psi" in case.outputs:
        psi = float(case.call.partition("truncation_psi=")[2].split(",")[0].split(")")[0])
        some = model.resampled(Sampling(psi=psi)).sample(len(z), noise=z, condition=condition)
        torch.testing.assert_close(some, case.outputs["img_psi"].clamp(-1, 1), rtol=0, atol=2e-5)


@ABSENT
def test_the_port_of_the_first_draws_truncated_samples_and_is_written_back(tmp_path: Path, capsys: Captured) -> None:
    case = read_case(golden_folder() / "gan_stylegan1_g.safetensors")
    file, model, back = tmp_path / "G.pt", tmp_path / "model", tmp_path / "back.safetensors"
    torch.save({f"g_running.{name}": tensor for name, tensor in case.weights.items()}, file)
    said(["import", file, "--part", "g_running", "--out", model], 0, capsys)
    # With nothing left of the distance from the mean style, noise of layers is all that differs.
    synthesizer = load(model)
    usual, alike = (synthesizer.resampled(Sampling(psi=psi)).sample(2, seed=2) for psi in (1.0, 0.0))
    assert usual.std(0).mean() > alike.std(0).mean() > 0
    said(["export", model, "--to", stylegan1.PUBLISHER, "--out", back], 0, capsys)
    written = load_file(back)
    assert written.keys() == case.weights.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in case.weights.items())
