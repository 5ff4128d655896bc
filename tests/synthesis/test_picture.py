"""Networks from picture to picture as synthesizers: any size, squares, and the units that they were published with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from diorama.core.config import encode
from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.pix2pix import Pix2PixGeneratorConfig
from diorama.networks.adversarial.pix2pixhd import GlobalGeneratorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.picture import PictureSynthesizer, PictureSynthesizerConfig, fitting_size, picture_config

SMALL = SRVGGNetConfig(features=4, convolutions=1, factor=2)


def made(network: Any = SMALL, size: tuple[int, int] = (6, 8)) -> PictureSynthesizer:
    torch.manual_seed(0)
    return picture_config(network, size).build().eval()


def test_a_given_picture_is_sampled_from_the_same_every_time() -> None:
    model, x = made(), torch.rand(2, 3, 6, 8) * 2 - 1
    drawn = model.sample(2, condition={"image": x})
    assert drawn.shape == (2, *model.config.media.shape) == (2, 3, 12, 16)
    assert torch.equal(drawn, model.sample(2, seed=1, condition={"image": x}))
    with pytest.raises(BadInput, match="needs image"):
        model.sample(2)
    with pytest.raises(BadInput, match="steps: this model draws in one pass"):
        model.resampled(Sampling(steps=3))


def test_black_and_white_are_0_and_1_for_the_network() -> None:
    model = made()
    last: Any = model.picture.get_submodule("body.4")
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    x = torch.rand(1, 3, 5, 7) * 2 - 1
    # What is left is the base, repeated pixels.
    torch.testing.assert_close(model.of_picture(x), nn.functional.interpolate(x, scale_factor=2.0))
    nn.init.constant_(last.bias, 0.25)
    brighter = (nn.functional.interpolate(x, scale_factor=2.0) + 0.5).clamp(-1, 1)
    torch.testing.assert_close(model.of_picture(x), brighter)


@pytest.mark.parametrize("unshuffle", [1, 2, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (8, 9), (13, 4)])
def test_sides_that_do_not_fit_are_filled_and_cut(unshuffle: Any, height: int, width: int) -> None:
    model = made(RRDBNetConfig(features=4, growth=2, blocks=1, unshuffle=unshuffle))
    scale = 4 // unshuffle
    assert model.of_picture(torch.zeros(1, 3, height, width)).shape == (1, 3, height * scale, width * scale)


@given(side=st.integers(1, 40), other=st.integers(1, 40), halvings=st.integers(0, 4))
def test_the_size_a_network_is_given_is_the_smallest_that_fits(side: int, other: int, halvings: int) -> None:
    network = GlobalGeneratorConfig(width=1, halvings=halvings, blocks=1)
    for asked, given_side in zip((side, other), fitting_size(network, (side, other)), strict=True):
        assert given_side % network.multiple == 0
        assert given_side >= max(asked, network.least)
        assert given_side - network.multiple < max(asked, network.least)


@pytest.mark.parametrize(("height", "width"), [(1, 2), (5, 13), (8, 8), (9, 3)])
def test_a_picture_is_mirrored_at_the_rim_as_often_as_it_takes(height: int, width: int) -> None:
    model, x = made(CycleGANGeneratorConfig(width=2, blocks=1), (8, 8)), torch.rand(1, 3, height, width) * 2 - 1
    sides = fitting_size(model.config.picture, (height, width))
    below, aside = (there - here for there, here in zip(sides, (height, width), strict=True))
    filled = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (0, below), (0, aside)), mode="reflect"))
    expected = model.picture(filled, {})[..., :height, :width]
    torch.testing.assert_close(model.of_picture(x), expected.clamp(-1, 1))


def test_a_network_that_sees_the_whole_picture_is_given_no_squares() -> None:
    model, x = made(CycleGANGeneratorConfig(width=2, blocks=1), (8, 8)), torch.rand(1, 3, 24, 32) * 2 - 1
    assert torch.equal(model.of_picture(x, tile=8), model.of_picture(x, tile=None))
    deep = made(Pix2PixGeneratorConfig(width=1, halvings=12), (8, 8))
    with pytest.raises(BadInput, match="8 x 6 pixels, which this network is given whole and as 4096 x 4096, are more"):
        deep.of_picture(torch.zeros(1, 3, 6, 8))


def test_squares_change_nothing_where_the_network_sees_no_further_than_their_margin() -> None:
    model, x = made(), torch.rand(1, 3, 21, 34) * 2 - 1
    torch.testing.assert_close(model.of_picture(x, tile=8), model.of_picture(x, tile=None))
    shuffled = made(RRDBNetConfig(features=4, growth=2, blocks=1, unshuffle=2))
    torch.testing.assert_close(shuffled.of_picture(x, tile=8), shuffled.of_picture(x, tile=None), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="tile: must be a multiple of 2, got 7"):
        shuffled.of_picture(x, tile=7)


def test_configs_that_contradict_themselves_are_refused() -> None:
    media = MediaSpec(kind="image", channels=3, height=12, width=16)
    small = ConditionSpec(key="image", shape=(3, 6, 8))
    changes: list[dict[str, Any]] = [
        {"media": MediaSpec(kind="image", channels=1, height=12, width=16)},
        {"conditions": ()},
        {"conditions": (small, ConditionSpec(key="label", names=("a",)))},
        {"conditions": (ConditionSpec(key="image", shape=(3, 6, 6)),)},
    ]
    for wrong in changes:
        with pytest.raises(ValueError, match="network"):
            PictureSynthesizerConfig(**{"media": media, "conditions": (small,), "picture": SMALL, **wrong})


def test_what_it_is_given_may_have_units_and_a_way_back_of_its_own() -> None:
    media = MediaSpec(kind="image", channels=3, height=8, width=8)
    given = MediaSpec(kind="image", channels=1, height=8, width=8, dtype="uint16", high=4095.0)
    there, back = (
        CycleGANGeneratorConfig(inputs=1, width=2, blocks=1),
        CycleGANGeneratorConfig(outputs=1, width=2, blocks=1),
    )
    record = ConditionSpec(key="target", shape=(1, 8, 8))
    config = PictureSynthesizerConfig(media=media, conditions=(record,), picture=there, given=given, back=back)
    assert config.turned().turned() == config
    assert (config.turned().media, config.turned().conditions[0].key) == (given, "image")
    alone = PictureSynthesizerConfig(media=media, conditions=(record,), picture=there)
    assert not {"given", "back"} & encode(alone).keys()
    assert alone.reads == MediaSpec(kind="image", channels=1, height=8, width=8)
    with pytest.raises(BadInput, match="no network of the other way"):
        alone.turned()
    for wrong in ({"given": media}, {"back": there}):
        with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: the network"):
            PictureSynthesizerConfig(**{"media": media, "conditions": (record,), "picture": there, **wrong})
