"""BigGAN's networks: shapes, labels, and what their configs refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.networks.adversarial.biggan import BigGANDiscriminatorConfig, BigGANGeneratorConfig
from diorama.networks.adversarial.biggan_deep import BigGANDeepDiscriminatorConfig, BigGANDeepGeneratorConfig

SMALL: dict[str, Any] = {"resolution": 32, "width": 2, "attention": (16,), "classes": 3}
GENERATORS = {
    "hierarchical": BigGANGeneratorConfig(**SMALL, latent=8, shared=5),
    "shared": BigGANGeneratorConfig(**SMALL, latent=7, shared=5, hierarchical=False),
    "tables": BigGANGeneratorConfig(**SMALL, latent=7, shared=None, hierarchical=False),
    "plain": BigGANGeneratorConfig(**SMALL, latent=8, shared=5, spectral=None),
    "wide": BigGANGeneratorConfig(**SMALL, latent=8, shared=5, bottom=5, channels=1),
    "deep": BigGANDeepGeneratorConfig(**SMALL, latent=7, shared=5),
    "deeper": BigGANDeepGeneratorConfig(**SMALL, latent=7, shared=5, depth=3),
}
DISCRIMINATORS = {
    "wide": BigGANDiscriminatorConfig(**SMALL),
    "narrow": BigGANDiscriminatorConfig(**SMALL, wide=False, channels=1),
    "deep": BigGANDeepDiscriminatorConfig(**SMALL, depth=1),
}


@pytest.mark.parametrize("config", GENERATORS.values(), ids=GENERATORS)
def test_generators_draw_pictures_that_depend_on_latent_vector_and_label(config: Any) -> None:
    torch.manual_seed(0)
    network, z = config.build().eval(), torch.randn(3, config.latent)
    pictures = network(z, {"label": torch.zeros(3, dtype=torch.int64)})
    assert pictures.shape == (3, config.channels, config.side, config.side)
    assert pictures.abs().max() <= 1
    assert not torch.allclose(pictures, network(z.flip(0), {"label": torch.zeros(3, dtype=torch.int64)}))
    assert not torch.allclose(pictures, network(z, {"label": torch.ones(3, dtype=torch.int64)}))


@pytest.mark.parametrize("config", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
@pytest.mark.parametrize("side", [32, 40])
def test_discriminators_judge_pictures_with_their_labels(config: Any, side: int) -> None:
    torch.manual_seed(0)
    network, x = config.build().eval(), torch.randn(4, config.channels, side, side)
    label = torch.tensor([0, 1, 2, 0])
    logits, features = network.judge(x, {"label": label})
    assert logits.shape == (4,)
    assert torch.equal(logits, network(x, {"label": label}))
    assert [f.shape[1] for f in features] == [8] * len(features)
    assert not torch.equal(logits, network(x, {"label": (label + 1) % 3}))


def test_every_part_of_a_hierarchical_latent_vector_counts() -> None:
    torch.manual_seed(0)
    network, z = GENERATORS["hierarchical"].build().eval(), torch.randn(1, 8)
    given = {"label": torch.tensor([1])}
    for place in range(8):
        other = z.clone()
        other[0, place] += 1
        assert not torch.equal(network(other, given), network(z, given)), place


@pytest.mark.parametrize("make", [BigGANGeneratorConfig, BigGANDeepGeneratorConfig])
def test_a_single_class_is_told_to_nobody(make: Any) -> None:
    config = make(resolution=32, width=2, attention=(), classes=1, latent=8, shared=3)
    assert config.reads == ()
    assert config.build()(torch.randn(2, 8)).shape == (2, 3, 32, 32)


def test_several_logits_stay_side_by_side() -> None:
    network = BigGANDiscriminatorConfig(**SMALL, outputs=2).build()
    assert network(torch.randn(4, 3, 32, 32), {"label": torch.zeros(4, dtype=torch.int64)}).shape == (4, 2)


@pytest.mark.parametrize("initial", ["orthogonal", "normal", "xavier"])
def test_weights_are_drawn_as_asked(initial: Any) -> None:
    torch.manual_seed(0)
    weight = BigGANGeneratorConfig(**SMALL, latent=8, shared=5, initial=initial).build().linear.weight
    if initial == "orthogonal":
        torch.testing.assert_close(weight.T @ weight, torch.eye(2), atol=1e-5, rtol=0)
    elif initial == "normal":
        assert 0.015 < weight.std() < 0.025
    else:
        assert weight.abs().max() <= (6 / sum(weight.shape)) ** 0.5


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (BigGANGeneratorConfig, {"latent": 7}, "latent: must be a multiple of 4"),
        (BigGANGeneratorConfig, {"latent": 8, "shared": None}, "hierarchical: parts of the latent vector"),
        (BigGANGeneratorConfig, {"latent": 8, "attention": (64,)}, r"attention: maps have the sides \[8, 16, 32\]"),
        (BigGANGeneratorConfig, {"latent": 8, "width": 0}, "width must be at least 1"),
        (BigGANDiscriminatorConfig, {"attention": (8,)}, r"attention: maps have the sides \[16\]"),
        (BigGANDeepGeneratorConfig, {"depth": 0}, "depth must be at least 1"),
        (BigGANDeepDiscriminatorConfig, {"classes": 0}, "classes must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**SMALL | wrong)
