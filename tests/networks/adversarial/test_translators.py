"""Networks from picture to picture: sizes, gradients, what is dropped, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.pix2pix import Pix2PixGeneratorConfig
from diorama.networks.adversarial.pix2pixhd import (
    GlobalGeneratorConfig,
    LocalEnhancerConfig,
    MultiScaleDiscriminatorConfig,
)

TRANSLATORS: list[Any] = [
    CycleGANGeneratorConfig(inputs=2, outputs=3, width=2, blocks=2),
    Pix2PixGeneratorConfig(inputs=2, outputs=3, width=2, halvings=5),
    GlobalGeneratorConfig(inputs=2, outputs=3, width=2, halvings=3, blocks=1),
    LocalEnhancerConfig(inputs=2, outputs=3, width=2, enhancers=2, local_blocks=1, halvings=1, blocks=1),
]


def picture(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("config", TRANSLATORS, ids=lambda config: type(config).__name__)
def test_a_picture_becomes_one_of_the_same_size_and_every_weight_is_reached(config: Any) -> None:
    torch.manual_seed(0)
    network = config.build()
    x = picture(2, config.inputs, 2 * config.multiple, 4 * config.multiple)
    drawn = network(x, {})
    assert drawn.shape == (2, config.outputs, *x.shape[2:])
    assert drawn.abs().max() <= 1
    (drawn * picture(*drawn.shape)).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert all(p.grad.abs().max() > 0 for p in network.parameters() if p.dim() > 1)


@pytest.mark.parametrize(
    "config",
    [
        *TRANSLATORS,
        *(GlobalGeneratorConfig(width=1, halvings=halvings, blocks=1) for halvings in (0, 1)),
        *(LocalEnhancerConfig(width=1, enhancers=1, halvings=halvings, blocks=1) for halvings in (0, 2)),
    ],
)
def test_the_smallest_picture_is_drawn_and_sides_are_multiples(config: Any) -> None:
    assert config.least % config.multiple == 0
    x = picture(1, config.inputs, config.least, config.least + config.multiple)
    assert config.build().eval()(x).shape == (1, config.outputs, *x.shape[2:])


@pytest.mark.parametrize(
    ("config", "without"),
    [
        (CycleGANGeneratorConfig(width=2, blocks=1, dropout=True), CycleGANGeneratorConfig(width=2, blocks=1)),
        (Pix2PixGeneratorConfig(width=2, halvings=6), Pix2PixGeneratorConfig(width=2, halvings=6, dropout=False)),
    ],
)
def test_values_are_dropped_in_training_alone(config: Any, without: Any) -> None:
    torch.manual_seed(0)
    network, plain, x = config.build(), without.build(), picture(2, 3, 64, 64)
    assert not torch.equal(network(x), network(x))
    plain.load_state_dict(network.state_dict())
    assert torch.equal(network.eval()(x), plain.eval()(x))


def test_dropout_lies_between_the_widest_maps_alone() -> None:
    """256 pixels: three of eight levels, as in the paper's appendix."""
    config = Pix2PixGeneratorConfig()
    assert [level for level in range(8) if config.dropped(level)] == [4, 5, 6]
    assert config.widths == (64, 128, 256, 512, 512, 512, 512, 512)


def test_a_picture_that_cannot_be_halved_as_often_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        Pix2PixGeneratorConfig(width=1, halvings=5).build()(picture(1, 3, 48, 32))


def test_scales_judge_half_the_size_each_and_have_their_own_weights() -> None:
    torch.manual_seed(0)
    config = MultiScaleDiscriminatorConfig(channels=2, width=4, layers=2, scales=3)
    network, x = config.build().eval(), picture(2, 2, 32, 48)
    scales = network.judge_scales(x)
    assert [tuple(scale.features[0].shape[2:]) for scale in scales] == [(17, 25), (9, 13), (5, 7)]
    assert [f.shape[1] for f in scales[0].features] == [4, 8, 16]
    logits, features = network.judge(x)
    assert logits.shape == (2, sum(scale.logits[0].numel() for scale in scales))
    assert len(features) == 9
    assert torch.equal(network(x, {}), logits)
    one = scales[1].logits
    other = network.scales[0].judge(torch.nn.functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)).logits
    assert one.shape == other.shape
    assert not torch.allclose(one, other)


def test_maps_of_a_discriminator_are_at_most_512_wide() -> None:
    assert MultiScaleDiscriminatorConfig(width=200, layers=4).widths == (6, 200, 400, 512, 512, 512)


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (CycleGANGeneratorConfig, {"width": 0}, "at least 1"),
        (CycleGANGeneratorConfig, {"blocks": -1}, "at least 0"),
        (Pix2PixGeneratorConfig, {"halvings": 4}, "at least 5"),
        (Pix2PixGeneratorConfig, {"outputs": 0}, "at least 1"),
        (GlobalGeneratorConfig, {"halvings": -1}, "at least 0"),
        (LocalEnhancerConfig, {"enhancers": 0}, "at least 1"),
        (LocalEnhancerConfig, {"halvings": -1}, "at least 0"),
        (MultiScaleDiscriminatorConfig, {"scales": 0}, "at least 1"),
    ],
)
def test_counts_that_cannot_be_are_refused(config: Any, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**wrong)
