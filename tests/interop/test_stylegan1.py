"""StyleGAN's PyTorch port: both ways, widths that stand for the published ones, and what it has not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.interop.layout import Layout
from diorama.interop.stylegan1 import DISCRIMINATOR, GENERATOR
from diorama.networks.adversarial.stylegan1 import StyleGAN1DiscriminatorConfig, StyleGAN1GeneratorConfig

PLAN = {"512": 8, "256": 6, "128": 5, "64": 4, "32": 3, "16": 2}


@pytest.mark.parametrize(
    ("layout", "arguments"),
    [
        (GENERATOR, {"code_dim": 4, "n_mlp": 2, "channel_plan": PLAN}),
        (DISCRIMINATOR, {"channel_plan": PLAN}),
        (DISCRIMINATOR, {"channel_plan": PLAN, "fused": False, "from_rgb_activate": True}),
    ],
)
def test_there_and_back_nothing_changes(layout: Layout[Any, Any], arguments: dict[str, Any]) -> None:
    config = layout.read_config(arguments)
    state = {name: torch.randn_like(tensor) for name, tensor in config.build().state_dict().items()}
    tensors = layout.export_state(config, state)
    back = layout.import_state(config, tensors)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert layout.recognises(shapes, {})
    assert layout.read_config({}, shapes) == config
    assert layout.read_config(layout.written(layout.to_published(config))) == config


def test_without_a_plan_widths_are_the_published_ones() -> None:
    assert GENERATOR.read_config({}).widths == StyleGAN1GeneratorConfig().widths
    with pytest.raises(BadInput, match="channel_plan: says nothing of 16, 32"):
        GENERATOR.read_config({"channel_plan": {"512": 1, "256": 1, "128": 1, "64": 1}})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"widths": (8,) * 8}, "has 9 levels, this network 8"),
        ({"widths": (9, *(8,) * 8)}, "equally wide up to 32 pixels"),
        ({"channels": 1}, "pictures of 3, this network of 1"),
    ],
)
def test_networks_that_the_port_lacks_are_not_written(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        DISCRIMINATOR.to_published(replace(StyleGAN1DiscriminatorConfig(), **change))
