"""Networks from picture to picture as synthesizers: any size, squares, and the units that they were published with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.picture import PictureSynthesizer, PictureSynthesizerConfig, picture_config

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


def test_squares_change_nothing_where_the_network_sees_no_further_than_their_margin() -> None:
    model, x = made(), torch.rand(1, 3, 21, 34) * 2 - 1
    torch.testing.assert_close(model.of_picture(x, tile=8), model.of_picture(x, tile=None))
    shuffled = made(RRDBNetConfig(features=4, growth=2, blocks=1, unshuffle=2))
    torch.testing.assert_close(shuffled.of_picture(x, tile=8), shuffled.of_picture(x, tile=None), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="tile: must be a multiple of 2, got 7"):
        shuffled.of_picture(x, tile=7)


def test_configs_that_contradict_themselves_are_refused() -> None:
    media = MediaSpec(kind="image", channels=3, height=12, width=16)
    given = ConditionSpec(key="image", shape=(3, 6, 8))
    changes: list[dict[str, Any]] = [
        {"media": MediaSpec(kind="image", channels=1, height=12, width=16)},
        {"conditions": ()},
        {"conditions": (given, ConditionSpec(key="label", names=("a",)))},
        {"conditions": (ConditionSpec(key="image", shape=(3, 6, 6)),)},
    ]
    for wrong in changes:
        with pytest.raises(ValueError, match="network"):
            PictureSynthesizerConfig(**{"media": media, "conditions": (given,), "picture": SMALL, **wrong})
