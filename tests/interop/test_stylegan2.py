"""StyleGAN2 in NVIDIA's layout: both ways, from tensors alone, arguments of both generations, and pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.layout import Layout
from diorama.interop.stylegan2 import DISCRIMINATOR, GENERATOR
from tests.interop.research_pickles import module_of, research_modules, write_pickle

MAKER: dict[str, Any] = {
    "z_dim": 5,
    "c_dim": 3,
    "w_dim": 6,
    "img_resolution": 16,
    "img_channels": 2,
    "mapping_kwargs": {"num_layers": 2},
    "channel_base": 64,
    "channel_max": 8,
}
CRITIC: dict[str, Any] = {
    "c_dim": 3,
    "img_resolution": 16,
    "img_channels": 2,
    "channel_base": 64,
    "channel_max": 8,
    "mapping_kwargs": {"num_layers": 2},
}
CASES: list[tuple[Layout[Any, Any], dict[str, Any]]] = [
    (GENERATOR, MAKER),
    (GENERATOR, MAKER | {"c_dim": 0, "architecture": "resnet", "resample_filter": [1, 2, 1], "use_noise": False}),
    (GENERATOR, MAKER | {"architecture": "orig", "mapping_kwargs": {"embed_features": 4, "layer_features": 7}}),
    (DISCRIMINATOR, CRITIC),
    (DISCRIMINATOR, CRITIC | {"c_dim": 0, "architecture": "skip", "epilogue_kwargs": {"mbstd_num_channels": 2}}),
    (DISCRIMINATOR, CRITIC | {"cmap_dim": 4, "architecture": "orig", "block_kwargs": {"resample_filter": [1, 4, 1]}}),
]


def published(layout: Layout[Any, Any], arguments: dict[str, Any]) -> dict[str, Tensor]:
    """Random tensors of such a network."""
    torch.manual_seed(0)
    config = layout.read_config(arguments)
    state = {name: torch.randn_like(tensor) for name, tensor in config.build().state_dict().items()}
    return layout.export_state(config, state)


@pytest.mark.parametrize(("layout", "arguments"), CASES)
def test_there_and_back_nothing_changes(layout: Layout[Any, Any], arguments: dict[str, Any]) -> None:
    config = layout.read_config(arguments)
    state = {name: torch.randn_like(tensor) for name, tensor in config.build().state_dict().items()}
    back = layout.import_state(config, layout.export_state(config, state))
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)
    written = layout.written(layout.to_published(config))
    assert layout.read_config(written) == config
    assert "kind" not in str(written)


@pytest.mark.parametrize(("layout", "arguments"), [case for case in CASES if "resample_filter" not in str(case[1])])
def test_tensors_tell_the_network(layout: Layout[Any, Any], arguments: dict[str, Any]) -> None:
    tensors = published(layout, arguments)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert layout.recognises(shapes, {})
    found, config = layout.read_config({}, shapes), layout.read_config(arguments)
    assert {n: tuple(t.shape) for n, t in found.build().state_dict().items()} == {
        n: tuple(t.shape) for n, t in config.build().state_dict().items()
    }
    layout.load({}, tensors)


def test_the_older_generation_has_its_own_defaults() -> None:
    outside = {key: value for key, value in MAKER.items() if not key.startswith("channel")}
    older = GENERATOR.read_config({**outside, "synthesis_kwargs": {"channel_base": 64, "channel_max": 8}})
    newer = GENERATOR.read_config(MAKER)
    assert (older.conv_clamp, older.num_fp16_res) == (None, 0)
    assert (newer.conv_clamp, newer.num_fp16_res) == (256, 4)
    assert older.channel_base == newer.channel_base
    with pytest.raises(BadInput, match="channel_base stand beside synthesis_kwargs"):
        GENERATOR.read_config({**MAKER, "synthesis_kwargs": {"channel_base": 64}})
    with pytest.raises(BadInput, match="synthesis_kwargs: expected an object"):
        GENERATOR.read_config({**outside, "synthesis_kwargs": 3})


def test_other_filters_are_refused() -> None:
    tensors = published(GENERATOR, MAKER)
    with pytest.raises(BadInput, match=r"resample_filter' is another filter than the config's resample_filter"):
        GENERATOR.load(MAKER | {"resample_filter": [1, 2, 2, 1]}, tensors)
    tensors["synthesis.b8.conv1.resample_filter"] *= 2
    with pytest.raises(BadInput, match=r"b8\.conv1\.resample_filter' is another filter than \[1, 3, 3, 1\]"):
        GENERATOR.load(MAKER, tensors)
    del tensors["synthesis.b8.conv1.resample_filter"]
    with pytest.raises(BadInput, match=r"b8\.conv1\.resample_filter' is missing"):
        GENERATOR.load(MAKER, tensors)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"img_resolution": 12}, "size: must be a power of two"), ({"activation": "gelu"}, "'gelu' is not one of")],
)
def test_what_no_network_can_be_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        GENERATOR.read_config(MAKER | change)


def test_pickles_hold_both_networks(tmp_path: Path) -> None:
    buffers = ("w_avg", "noise_const", "resample_filter")
    with research_modules() as easy_dict:
        arguments = MAKER | {"mapping_kwargs": easy_dict(num_layers=2)}
        content = {
            "G": module_of("Generator", published(GENERATOR, MAKER), arguments, buffers),
            "D": module_of("Discriminator", published(DISCRIMINATOR, CRITIC), CRITIC, buffers),
            "G_ema": module_of("Generator", published(GENERATOR, MAKER), arguments, buffers),
            "training_set_kwargs": easy_dict(path="x"),
            "augment_pipe": None,
        }
        path = write_pickle(tmp_path / "network-snapshot.pkl", content)
    for part, layout, arguments in ((None, GENERATOR, MAKER), ("D", DISCRIMINATOR, CRITIC)):
        checkpoint = open_checkpoint(path, part=part)
        assert checkpoint.layout is layout
        assert layout.read_config(checkpoint.config) == layout.read_config(arguments)
        layout.load(checkpoint.config, checkpoint.tensors)
