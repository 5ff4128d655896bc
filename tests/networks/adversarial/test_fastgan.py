"""FastGAN's shapes and gradients, its gates, noise and quarters."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.networks.adversarial.fastgan import (
    FastGANDiscriminatorConfig,
    FastGANGeneratorConfig,
    small_side,
)

SIDES = [32, 64, 128, 256]


def generator(side: int) -> Any:
    torch.manual_seed(0)
    return FastGANGeneratorConfig(side=side, channels=2, width=4, latent=5).build()


def discriminator(side: int) -> Any:
    torch.manual_seed(0)
    return FastGANDiscriminatorConfig(side=side, channels=2, width=4).build()


def assert_reached(network: torch.nn.Module) -> None:
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("side", SIDES)
def test_every_size_is_drawn_in_two_views_and_judged_by_fifty_patches(side: int) -> None:
    picture, small = generator(side).draw(torch.randn(2, 5))
    assert picture.shape == (2, 2, side, side)
    assert small.shape == (2, 2, small_side(side), small_side(side))
    assert max(picture.abs().max(), small.abs().max()) <= 1
    network = discriminator(side)
    assert network(picture, {}).shape == (2, 50)
    logits, features = network.judge(picture, small=small)
    assert logits.shape == (2, 50)
    assert [f.shape[2:] for f in features] == [(8, 8), (8, 8)]


@pytest.mark.parametrize("side", [512, 1024])
def test_large_pictures_are_halved_before_they_are_judged(side: int) -> None:
    with torch.no_grad():
        picture, small = generator(side).draw(torch.randn(1, 5).expand(2, 5))
        logits = discriminator(side)(picture)
    assert picture.shape == (2, 2, side, side)
    assert small.shape == (2, 2, 128, 128)
    assert logits.shape == (2, 50)


@pytest.mark.parametrize("side", [32, 64])
def test_every_weight_is_reached_by_one_turn_or_the_other(side: int) -> None:
    torch.manual_seed(0)
    drawing, judging = generator(side), discriminator(side)
    picture, small = drawing.draw(torch.randn(4, 5))
    judging.judge(picture, small=small).logits.sum().backward()
    assert_reached(drawing)
    judging.zero_grad()
    rebuilt = judging.rebuild(torch.randn(4, 2, side, side).clamp(-1, 1), torch.tensor([0, 1, 2, 3]))
    pairs = zip(rebuilt.drawn, rebuilt.wanted, strict=True)
    loss = rebuilt.judgement.logits.relu().mean() + torch.stack([(a - b).abs().mean() for a, b in pairs]).sum()
    loss.backward()
    assert_reached(judging)


def test_pictures_are_redrawn_whole_and_by_the_quarter_that_is_asked_for() -> None:
    network = discriminator(64).eval()
    x = torch.zeros(4, 2, 64, 64)
    x[:, :, :32, 32:], x[:, :, 32:, :32], x[:, :, 32:, 32:] = 0.25, 0.5, 0.75
    rebuilt = network.rebuild(x, torch.arange(4))
    assert [tuple(t.shape[2:]) for t in rebuilt.drawn] == [(64, 64), (64, 64), (32, 32)]
    assert all(a.shape == b.shape for a, b in zip(rebuilt.drawn, rebuilt.wanted, strict=True))
    assert rebuilt.wanted[2].mean((1, 2, 3)).tolist() == [0, 0.25, 0.5, 0.75]
    assert torch.equal(rebuilt.wanted[0], x)
    assert torch.equal(rebuilt.judgement.logits, network(x))
    other = network.rebuild(x, 3 - torch.arange(4))
    assert torch.equal(other.drawn[0], rebuilt.drawn[0])
    assert not torch.equal(other.drawn[2], rebuilt.drawn[2])


def test_coarse_maps_gate_fine_ones() -> None:
    """Widths of 256 pixels as in the published code: gates from 4, 8 and 16 to 64, 128 and 256 pixels."""
    config = FastGANGeneratorConfig()
    assert config.gated == (64, 128, 256)
    assert [config.width_at(side) for side in config.sides] == [1024, 512, 256, 128, 128, 64, 32]
    network = generator(64).eval()
    z = torch.randn(1, 5)
    noise = [torch.zeros(1, *shape) for shape in network.config.layer_noise]
    with torch.no_grad():
        before = network(z, noise=noise)
        network.excitations[0].second.weight.mul_(-1)
        assert not torch.allclose(network(z, noise=noise), before)


def test_noise_is_drawn_or_given() -> None:
    network = generator(64).eval()
    shapes = network.config.layer_noise
    assert [shape[1] for shape in shapes] == [8, 8, 32, 32]
    z, noise = torch.randn(2, 5), [torch.randn(2, *shape) for shape in shapes]
    with torch.no_grad():
        assert torch.equal(network(z), network(z, noise=noise))  # its strength begins at 0
        for name, parameter in network.named_parameters():
            if "strength" in name:
                parameter.fill_(1)
        assert torch.equal(network(z, noise=noise), network(z, noise=noise))
        assert not torch.equal(network(z), network(z))
        assert not torch.equal(network(z), network(z, noise=noise))


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (FastGANGeneratorConfig, {"side": 48}, "side must be one of"),
        (FastGANDiscriminatorConfig, {"side": 16}, "side must be one of"),
        (FastGANGeneratorConfig, {"latent": 0}, "at least 1"),
        (FastGANDiscriminatorConfig, {"width": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(kind: Any, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**wrong)


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="64 x 64, got"):
        discriminator(64)(torch.zeros(1, 2, 32, 32))
