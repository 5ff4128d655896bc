"""Publishers by name, listed without PyTorch; files that are told apart."""

from __future__ import annotations

import subprocess
import sys

import pytest

from diorama.core.errors import BadConfig
from diorama.interop.catalog import PUBLISHERS, all_layouts, recognise, writable
from diorama.synthesis.export import _PARTS


def test_names_are_listed_without_torch() -> None:
    code = "import sys\nimport diorama.interop.catalog\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_layout_bears_its_publishers_name() -> None:
    for publisher in PUBLISHERS:
        assert {layout.publisher for layout in publisher.layouts()} == {publisher.name}
    networks = [(layout.publisher, layout.network) for layout in all_layouts()]
    assert len(networks) == len(set(networks))


@pytest.mark.parametrize(
    ("name", "near"), [("dcgan", "dcgan-pytorch-examples"), ("unet2d", "diffusers-unet2d"), ("mocogn", "mocogan")]
)
def test_an_unknown_layout_names_the_nearest(name: str, near: str) -> None:
    assert writable(near).name == near
    with pytest.raises(BadConfig, match=f"no layout '{name}' .did you mean '{near}'"):
        writable(name)
    with pytest.raises(BadConfig, match=r"no layout 'sdxl'; known are dcgan-pytorch-examples, .*mocogan"):
        writable("sdxl")


def test_a_layout_is_offered_where_models_can_be_written_in_it_and_nowhere_else() -> None:
    for publisher in PUBLISHERS:
        able = [each for each in publisher.layouts() if each.role in _PARTS and not each.says_model]
        assert bool(able) != bool(publisher.read_only)
    with pytest.raises(BadConfig) as refused:
        writable("score-sde", ("onnx",))
    told, _, offered = str(refused.value).partition("; written are ")
    assert told == "score-sde is read and not written: its config says process and sampler, which may be others"
    assert offered.split(", ") == [*(each.name for each in PUBLISHERS if not each.read_only), "onnx"]
    for name in ("inception-fi", "score-sd"):
        with pytest.raises(BadConfig, match="known are") as refused:
            writable(name)
        assert "score-sde" not in str(refused.value)
        assert "inception-fid" not in str(refused.value)


def test_scores_and_categories_are_told_apart_by_the_config_alone() -> None:
    shapes = {"main.1.weight": (2, 1, 4, 4, 4), "main.13.weight": (16,), "main.15.weight": (5, 16, 4, 4, 4)}
    plain, categorical = recognise(shapes, {}), recognise(shapes, {"dim_categorical": 4})
    assert plain is not None
    assert categorical is not None
    assert (plain.network, categorical.network) == ("VideoDiscriminator", "CategoricalVideoDiscriminator")


def test_strangers_are_not_recognised() -> None:
    assert recognise({"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 512)}, {}) is None
    unet = {
        "conv_in.weight": (8, 3, 3, 3),
        "conv_norm_out.weight": (8,),
        "down_blocks.0.resnets.0.conv1.weight": (1,) * 4,
    }
    assert recognise(unet, {}) is not None
    assert recognise(unet | {"down_blocks.0.attentions.0.transformer_blocks.0.norm1.weight": (8,)}, {}) is None
    autoencoder = {f"decoder.{name}": shape for name, shape in unet.items()}
    assert recognise(autoencoder, {}) is None
