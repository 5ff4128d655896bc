"""The U-Net of EDM2 by itself; tests/interop/test_edm2.py holds it to the published one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from diorama.networks.denoisers.edm2 import EDM2UNetConfig

SMALL = EDM2UNetConfig(
    size=16, in_channels=3, out_channels=3, width=16, growth=(1, 2), depth=1, attention=(False, True), head=16
)


def test_a_new_network_predicts_nothing_and_keeps_the_size() -> None:
    network = SMALL.build()
    x = torch.randn(2, 3, 24, 16)
    out = network(x, torch.zeros(2))
    assert out.shape == x.shape
    assert not out.any()


def test_features_keep_their_magnitude_from_the_first_to_the_last() -> None:
    torch.manual_seed(0)
    network = EDM2UNetConfig(
        in_channels=3, out_channels=3, width=32, growth=(1, 2, 2), attention=(False, True, True)
    ).build()
    seen: list[float] = []
    for block in (*network.down, *network.up):
        block.register_forward_hook(lambda module, given, out: seen.append(out.square().mean().sqrt().item()))
    network(torch.randn(2, 3, 32, 32), torch.zeros(2))
    assert len(seen) > 20
    assert all(0.7 < magnitude < 1.4 for magnitude in seen)


def test_patches_are_another_arrangement_of_pixels() -> None:
    network = replace(SMALL, patch=2).build()
    torch.nn.init.ones_(network.gain)
    out = network(torch.randn(2, 3, 16, 16), torch.zeros(2))
    assert out.shape == (2, 3, 16, 16)
    assert network.conv_in.weight.shape[1] == 13


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"growth": (1,)}, "growth, attention"),
        ({"classes": -1}, "classes"),
        ({"dropout": 1.0}, "dropout"),
        ({"skip_share": 2.0}, "skip_share"),
        ({"size": 65}, "size: 65 pixels"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EDM2UNetConfig(**wrong)


@pytest.mark.parametrize("patch", [1, 2])
def test_a_small_picture_of_any_size_is_seen(patch: int) -> None:
    config = replace(SMALL, picture=1, patch=patch)
    torch.manual_seed(0)
    network = config.build()
    torch.nn.init.ones_(network.gain)
    x, t = torch.randn(2, config.in_channels, 16, 16), torch.tensor([0.1, 0.4])
    picture = torch.rand(2, 1, 4, 4)
    given = {"image": picture} | ({"label": torch.tensor([0, 1])} if config.classes else {})
    assert "image" in config.reads
    seen = network(x, t, given)
    assert not torch.allclose(seen, network(x, t, given | {"image": picture.flip(0)}))
    halves = replace(config, picture_deviation=0.5).build()
    halves.load_state_dict(network.state_dict())
    assert torch.equal(halves(x, t, given | {"image": picture / 2}), seen)
    flat = network(x, t, given | {"image": torch.zeros(2, 1, 2, 2)})
    assert torch.equal(flat, network(x, t, given | {"image": torch.zeros(2, 1, 8, 4)}))
