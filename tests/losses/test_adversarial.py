"""Adversarial losses against the formulas that they cite."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from diorama.losses.adversarial import (
    ADVERSARIAL,
    non_saturating_discriminator,
    wasserstein_discriminator,
)

REAL, FAKE = torch.randn(2, 40, generator=torch.Generator().manual_seed(0)).mul(3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_non_saturating_is_cross_entropy(smoothing: float) -> None:
    expected = bce(REAL, torch.full_like(REAL, 1 - smoothing)) + bce(FAKE, torch.zeros_like(FAKE))
    assert torch.allclose(non_saturating_discriminator(REAL, FAKE, smoothing), expected)
    assert torch.allclose(ADVERSARIAL["non_saturating"].generator(FAKE), bce(FAKE, torch.ones_like(FAKE)))


def test_hinge_ignores_what_is_judged_well() -> None:
    hinge = ADVERSARIAL["hinge"].discriminator
    assert hinge(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -5.0])) == 0
    assert hinge(torch.tensor([0.0]), torch.tensor([0.0])) == 2


def test_least_squares_has_its_targets() -> None:
    pair = ADVERSARIAL["least_squares"]
    assert pair.discriminator(torch.tensor([1.0]), torch.tensor([0.0])) == 0
    assert pair.generator(torch.tensor([1.0])) == 0
    assert pair.generator(torch.tensor([0.0])) == 0.5


def test_wasserstein_is_a_difference_of_means() -> None:
    assert torch.allclose(wasserstein_discriminator(REAL, FAKE), FAKE.mean() - REAL.mean())


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_players_pull_the_logits_of_generated_data_apart(name: str) -> None:
    """Where the game is undecided the discriminator lowers those logits and the generator raises them."""
    logits = torch.full((5,), 0.5, requires_grad=True)
    (down,) = torch.autograd.grad(ADVERSARIAL[name].discriminator(torch.zeros(5), logits), logits)
    (up,) = torch.autograd.grad(ADVERSARIAL[name].generator(logits), logits)
    assert (down > 0).all()
    assert (up < 0).all()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_losses_are_scalars_for_any_shape_of_logits(name: str) -> None:
    patches = torch.randn(2, 1, 3, 4)
    assert ADVERSARIAL[name].discriminator(patches, patches).shape == ()
    assert ADVERSARIAL[name].generator(patches).shape == ()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_losses_of_half_precision_logits_are_counted_in_float32(name: str) -> None:
    """Both sides of a critic lie close together: in bfloat16 the means of their logits differed by nothing."""
    real, fake = (5 + 0.02 * logits for logits in (REAL, FAKE))
    loss, half = ADVERSARIAL[name], (real.bfloat16(), fake.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        values = loss.discriminator(*half), loss.generator(half[1])
    expected = loss.discriminator(half[0].float(), half[1].float()), loss.generator(half[1].float())
    for value, wanted in zip(values, expected, strict=True):
        assert value.dtype == torch.float32
        assert value.item() == wanted.item()
    if name == "wasserstein":
        assert values[0].abs() > 1e-3
