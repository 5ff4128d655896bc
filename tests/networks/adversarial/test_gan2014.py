"""Networks of the first GAN."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.adversarial.gan2014 import GAN2014DiscriminatorConfig, GAN2014GeneratorConfig


def test_pictures_of_any_shape_go_through_both_networks() -> None:
    torch.manual_seed(0)
    generator = GAN2014GeneratorConfig(size=(5, 7), channels=2, widths=(6, 4), latent=3).build()
    discriminator = GAN2014DiscriminatorConfig(size=(5, 7), channels=2, widths=(6, 4), pieces=2).build()
    pictures = generator(torch.randn(8, 3))
    assert pictures.shape == (8, 2, 5, 7)
    assert pictures.abs().max() <= 1
    judgement = discriminator.judge(pictures)
    assert [tuple(f.shape) for f in judgement.features] == [(8, 6), (8, 4)]
    assert judgement.logits.shape == (8,)
    judgement.logits.sum().backward()
    assert all(p.grad is not None for p in generator.parameters())


def test_a_maxout_unit_is_the_largest_of_its_pieces_and_dropout_rests_in_evaluation() -> None:
    network = GAN2014DiscriminatorConfig(size=(1, 2), channels=1, widths=(3,), pieces=4).build().eval()
    x = torch.tensor([[[[0.3, -0.2]]]])
    (hidden,) = network.judge(x).features
    pieces = network.hidden[0].linear(x.flatten(1)).view(1, 3, 4)  # type: ignore[union-attr, operator]
    assert torch.equal(hidden, pieces.max(2).values)
    assert torch.equal(network(x), network(x))
    network.train()
    assert len({network(x).item() for _ in range(8)}) > 1


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden layer"):
        GAN2014DiscriminatorConfig(widths=())
    with pytest.raises(ValueError, match="dropout must"):
        GAN2014DiscriminatorConfig(dropout=1.0)
