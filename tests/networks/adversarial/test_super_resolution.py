"""Networks that enlarge pictures, and their discriminators: sizes, reach, and what their configs refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srresnet import SRResNetConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig

RRDB: dict[str, Any] = {"features": 4, "growth": 2, "blocks": 1}
ENLARGERS = {
    "rrdb x4": RRDBNetConfig(**RRDB),
    "rrdb x2, grey to colour": RRDBNetConfig(**RRDB, inputs=1, unshuffle=2),
    "rrdb x1": RRDBNetConfig(**RRDB, unshuffle=4),
    "rrdb x6, shuffled": RRDBNetConfig(**RRDB, stages=(2, 3), shuffle=True, activation="prelu", norm="batch"),
    "compact x3": SRVGGNetConfig(features=4, convolutions=2, factor=3, inputs=1),
    "compact x1": SRVGGNetConfig(features=4, convolutions=0, factor=1, activation="relu"),
    "residual x4": SRResNetConfig(features=4, blocks=2),
    "residual x3": SRResNetConfig(features=4, blocks=1, factor=3, inputs=1),
    "residual x1": SRResNetConfig(features=4, blocks=1, factor=1),
}


@pytest.mark.parametrize("config", ENLARGERS.values(), ids=ENLARGERS)
def test_pictures_of_any_size_are_enlarged_by_the_scale(config: Any) -> None:
    torch.manual_seed(0)
    network = config.build().eval()
    for height, width in ((1, 2), (3, 1), (4, 5)):
        x = torch.rand(2, config.inputs, height * config.multiple, width * config.multiple)
        made = network(x, {})
        assert made.shape == (2, config.outputs, x.shape[2] * config.scale, x.shape[3] * config.scale)


@pytest.mark.parametrize("config", ENLARGERS.values(), ids=ENLARGERS)
def test_nothing_further_away_than_the_reach_changes_a_pixel(config: Any) -> None:
    torch.manual_seed(0)
    network, multiple = config.build().double().eval(), config.multiple
    middle = -(-config.reach // multiple) * multiple
    side = 2 * middle + multiple
    x = torch.rand(1, config.inputs, multiple, side, dtype=torch.float64)
    other = x.clone()
    other[..., middle] += 1
    changed = (network(x, {}) - network(other, {})).abs().amax((0, 1, 2)) > 0
    columns = changed.nonzero().flatten()
    assert len(columns) > 0
    # Of the enlarged columns, those that belong to pixels within the reach.
    assert columns.min() >= (middle - config.reach) * config.scale
    assert columns.max() < (middle + config.reach + 1) * config.scale


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RRDBNetConfig(blocks=0), "blocks must be at least 1"),
        (lambda: RRDBNetConfig(stages=(2,), unshuffle=4), "stages: .* enlarge less than unshuffle 4"),
        (lambda: RRDBNetConfig(stages=(0, 2)), "stages: must be factors"),
        (lambda: SRVGGNetConfig(inputs=2), "inputs: the enlarged input is added to 3 channels"),
        (lambda: SRVGGNetConfig(convolutions=-1), "convolutions must be at least 0"),
        (lambda: SRResNetConfig(outputs=1), "inputs: the enlarged input is added to 1 channels"),
        (lambda: VGGDiscriminatorConfig(features=0), "features must be at least 1"),
        (lambda: UNetDiscriminatorConfig(channels=0), "channels and features"),
    ],
)
def test_what_no_network_has_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("side", [128, 256])
def test_one_logit_for_a_picture_of_the_right_size(side: Any) -> None:
    torch.manual_seed(0)
    network = VGGDiscriminatorConfig(features=1, channels=1, side=side).build().eval()
    assert network(torch.rand(2, 1, side, side), {}).shape == (2,)
    with pytest.raises(ValueError, match=f"judges {side} x {side} pixels"):
        network(torch.rand(2, 1, side, side // 2), {})


@pytest.mark.parametrize("skips", [True, False])
def test_one_logit_for_every_pixel(skips: bool) -> None:
    torch.manual_seed(0)
    network = UNetDiscriminatorConfig(features=2, skips=skips).build()
    assert network(torch.rand(2, 3, 16, 24), {}).shape == (2, 1, 16, 24)
    if skips:
        with pytest.raises(ValueError, match="multiples of 8"):
            network(torch.rand(2, 3, 16, 20), {})
    else:
        assert network(torch.rand(2, 3, 19, 20), {}).shape == (2, 1, 16, 16)
