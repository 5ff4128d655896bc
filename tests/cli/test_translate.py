"""Files of CycleGAN and pix2pix as their publishers wrote them: imported, used to translate, and written back."""

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
from diorama.networks.adversarial.srvgg import SRVGGNetConfig
from diorama.synthesis import store
from diorama.synthesis.picture import picture_config
from diorama.synthesis.provenance import Provenance
from tests.interop.oracles import randomised
from tests.interop.translator_oracles import Resnet, Unet
from tests.synthesis.models import tiny_diffusion

Captured = pytest.CaptureFixture[str]


def said(words: list[Any], code: int, capsys: Captured) -> str:
    """What ``diorama WORDS`` prints; it must end with a code."""
    assert run([str(word) for word in words]) == code, capsys.readouterr().err
    printed = capsys.readouterr()
    return printed.out + printed.err


def published(which: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A small published network, and the config that is needed beside its tensors."""
    torch.manual_seed(0)
    if which == "cyclegan":
        return randomised(Resnet((3, 3, 2, 2, 1), ("instance", "reflect"), False, True)), {"norm": "instance"}
    return randomised(Unet((3, 3), 2, 6, "batch", dropout=True)), {"norm": "batch", "use_dropout": True}


def imported(which: str, place: Path, capsys: Captured) -> tuple[torch.nn.Module, Path]:
    """The network, and the model folder that import makes of its file."""
    network, config = published(which)
    torch.save(network.state_dict(), place / "latest_net_G.pth")
    (place / "G.json").write_text(json.dumps(config))
    words = ["import", place / "latest_net_G.pth", "--config", place / "G.json", "--out", place / "model"]
    told = said(words, 0, capsys)
    assert "Generator of cyclegan, " in told
    assert "takes pictures of any size; what is told of its sizes is for pictures of 256 x 256" in told
    return network.eval(), place / "model"


def drawn_by(network: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """What the publisher's layers make of a picture that fits them, in 8 bits."""
    x = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        y = network(x)[0]
    return np.asarray(((y.permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).numpy(), int)


def written(file: Path) -> np.ndarray:
    """The pixels of a file."""
    with Image.open(file) as picture:
        return np.asarray(picture, int)


@pytest.mark.parametrize(("which", "multiple"), [("cyclegan", 4), ("pix2pix", 64)])
def test_a_file_becomes_a_model_that_translates_as_its_publisher_does(
    which: str, multiple: int, tmp_path: Path, capsys: Captured
) -> None:
    network, model = imported(which, tmp_path, capsys)
    source, out, random = tmp_path / "given", tmp_path / "drawn", np.random.default_rng(0)
    source.mkdir()
    fits = random.integers(0, 256, (64, 128, 3), np.uint8)
    odd = random.integers(0, 256, (37, 50, 3), np.uint8)
    for name, pixels in {"a": fits, "b": odd}.items():
        Image.fromarray(pixels).save(source / f"{name}.png")
    with pytest.warns(DioramaWarning, match=f"1 of 2 given pictures: sides are filled up to multiples of {multiple}"):
        assert "2 pictures in" in said(["translate", model, source, "--out", out], 0, capsys)
    assert np.abs(written(out / "000000.png") - drawn_by(network, fits)).max() <= 1
    filled = np.pad(odd, ((0, -37 % multiple), (0, -50 % multiple), (0, 0)), mode="reflect")
    assert np.abs(written(out / "000001.png") - drawn_by(network, filled)[:37, :50]).max() <= 1
    listed = json.loads((out / "samples.json").read_text())
    assert (listed["task"], listed["settings"]) == ("translate", {})
    assert b"compositeWithTrainedAlgorithmicMedia" in (out / "000000.png").read_bytes()

    said(["export", model, "--to", "cyclegan", "--out", tmp_path / "back.safetensors"], 0, capsys)
    back, state = load_file(tmp_path / "back.safetensors"), network.state_dict()
    assert all(torch.equal(back[name], state[name]) for name in back)
    assert back.keys() == state.keys()


def test_padding_that_no_tensor_tells_is_said_to_be_taken_as_reflecting(tmp_path: Path, capsys: Captured) -> None:
    network, config = published("cyclegan")
    torch.save(network.state_dict(), tmp_path / "G.pth")
    for padding, is_said in (({}, True), ({"padding_type": "replicate"}, False)):
        (tmp_path / "G.json").write_text(json.dumps(config | padding))
        words = ["import", tmp_path / "G.pth", "--config", tmp_path / "G.json", "--out", tmp_path / "model"]
        assert ("reflect or replicate at the border: took 'reflect'" in said(words, 0, capsys)) is is_said


def test_a_picture_of_one_pixel_is_translated(tmp_path: Path, capsys: Captured) -> None:
    _, folder = imported("cyclegan", tmp_path, capsys)
    model: Any = load(folder)
    x = torch.full((1, 3, 1, 1), 0.25)
    assert torch.equal(model.of_picture(x), model.of_picture(x.expand(1, 3, 8, 8))[..., :1, :1])


def test_a_model_of_pictures_is_none_for_the_other_command(tmp_path: Path, capsys: Captured) -> None:
    _, translator = imported("cyclegan", tmp_path, capsys)
    others = {
        "enlarger": picture_config(SRVGGNetConfig(features=4, convolutions=1, factor=2), (8, 8)).build(),
        "diffusion": tiny_diffusion(),
    }
    for name, other in others.items():
        store.save(tmp_path / name, other.config, other.state_dict(), Provenance(), "# card")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    refusals = [
        ("upscale", translator, [], 1, "upscale: this model makes pictures as large as those that it is given; use tr"),
        ("upscale", translator, ["--tile", 16], 1, "use translate"),
        ("translate", tmp_path / "enlarger", [], 1, "translate: this model enlarges pictures that it is given; use up"),
        ("translate", tmp_path / "diffusion", [], 1, "translate: needs a network from picture to picture, such as Cyc"),
        ("translate", translator, ["--count", 2], 2, "--count: this model makes the same picture every time"),
        ("translate", translator, ["--steps", 3], 1, "steps: this model draws in one pass and has none"),
    ]
    for verb, model, options, code, message in refusals:
        told = said([verb, model, tmp_path / "a.png", "--out", tmp_path / "out", *options], code, capsys)
        assert message in told
        assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_picture_too_large_to_be_drawn_whole_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: Captured
) -> None:
    _, model = imported("cyclegan", tmp_path, capsys)
    Image.fromarray(np.zeros((9, 1 << 20, 3), np.uint8)).save(tmp_path / "wider.png")
    told = said(["translate", model, tmp_path / "wider.png", "--out", tmp_path / "out"], 1, capsys)
    assert "wider.png: 1048576 x 9 pixels, which this network is given whole and as 1048576 x 12, are more than" in told
    assert not (tmp_path / "out").exists()


def test_small_pictures_are_for_enlargers(tmp_path: Path, capsys: Captured) -> None:
    network, _ = published("cyclegan")
    torch.save(network.state_dict(), tmp_path / "G.pth")
    words = ["import", tmp_path / "G.pth", "--out", tmp_path / "model", "--small", "64"]
    assert "--small: the published network enlarges no small picture" in said(words, 1, capsys)
    assert not (tmp_path / "model").exists()
