"""Adversarial losses against the formulas that they cite."""

from __future__ import annotations

from functools import partial
from typing import get_args

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from diorama.losses.adversarial import (
    ADVERSARIAL,
    AdversarialName,
    critic_mean,
    cross_entropy,
    hinge,
    non_saturating_discriminator,
    relativistic_discriminator,
    squared_error,
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
    (up,) = torch.autograd.grad(ADVERSARIAL[name].generator(logits, torch.zeros(5)), logits)
    assert (down > 0).all()
    assert (up < 0).all()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_losses_are_scalars_for_any_shape_of_logits(name: str) -> None:
    patches = torch.randn(2, 1, 3, 4)
    assert ADVERSARIAL[name].discriminator(patches, patches).shape == ()
    assert ADVERSARIAL[name].generator(patches, patches).shape == ()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_losses_of_half_precision_logits_are_counted_in_float32(name: str) -> None:
    """Both sides of a critic lie close together: in bfloat16 the means of their logits differed by nothing."""
    real, fake = (5 + 0.02 * logits for logits in (REAL, FAKE))
    loss, half = ADVERSARIAL[name], (real.bfloat16(), fake.bfloat16())
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        values = loss.discriminator(*half), loss.generator(half[1], half[0])
    wide = half[0].float(), half[1].float()
    torch.manual_seed(0)
    expected = loss.discriminator(*wide), loss.generator(wide[1], wide[0])
    for value, wanted in zip(values, expected, strict=True):
        assert value.dtype == torch.float32
        assert value.item() == wanted.item()
    if name == "wasserstein":
        assert values[0].abs() > 1e-3


@pytest.mark.parametrize("target", [0.0, 0.1, 0.5, 1.0])
def test_one_side_of_cross_entropy_has_any_target(target: float) -> None:
    assert torch.allclose(cross_entropy(REAL, target), bce(REAL, torch.full_like(REAL, target)))


def test_sides_add_up_to_their_losses() -> None:
    pairs = {
        "non_saturating": cross_entropy(REAL, 1.0) + cross_entropy(FAKE, 0.0),
        "hinge": hinge(REAL, real=True) + hinge(FAKE, real=False),
        "least_squares": squared_error(REAL, 1.0, factor=0.5) + squared_error(FAKE, 0.0, factor=0.5),
        "wasserstein": critic_mean(REAL, real=True) + critic_mean(FAKE, real=False),
    }
    for name, value in pairs.items():
        assert torch.allclose(ADVERSARIAL[name].discriminator(REAL, FAKE), value), name


def test_sums_are_means_times_how_many_there_are() -> None:
    for side in (
        partial(cross_entropy, REAL, 0.9),
        partial(squared_error, REAL, 0.9),
        partial(hinge, REAL, real=True),
        partial(critic_mean, REAL, real=True),
        partial(non_saturating_discriminator, REAL, FAKE),
        partial(relativistic_discriminator, REAL, FAKE),
    ):
        assert torch.allclose(side(reduction="sum"), 40 * side())


def test_squared_probabilities_are_not_squared_logits() -> None:
    assert torch.allclose(squared_error(REAL, 1.0, squashed=True), (REAL.sigmoid() - 1).square().mean())
    assert torch.allclose(squared_error(REAL, 1.0, factor=0.5), 0.5 * squared_error(REAL, 1.0))


def test_relativistic_pairs_are_of_the_same_place() -> None:
    """What one side wins the other loses, and a constant that is added to all logits changes nothing."""
    pair = ADVERSARIAL["relativistic"]
    assert torch.allclose(pair.discriminator(REAL, FAKE), bce(REAL - FAKE, torch.ones_like(REAL)))
    assert torch.allclose(pair.generator(FAKE, REAL), pair.discriminator(FAKE, REAL))
    assert torch.allclose(pair.discriminator(REAL + 3, FAKE + 3), pair.discriminator(REAL, FAKE), atol=1e-5)
    assert not torch.allclose(pair.discriminator(REAL, FAKE.flip(0)), pair.discriminator(REAL, FAKE))


def test_relativistic_averages_do_not_know_places() -> None:
    average = ADVERSARIAL["relativistic_average"]
    assert torch.allclose(average.discriminator(REAL, FAKE.flip(0)), average.discriminator(REAL, FAKE))
    expected = bce(REAL - FAKE.mean(), torch.ones_like(REAL)) + bce(FAKE - REAL.mean(), torch.zeros_like(FAKE))
    assert torch.allclose(average.discriminator(REAL, FAKE), expected)


@pytest.mark.parametrize("name", ["relativistic", "relativistic_average"])
def test_a_pair_needs_the_logits_of_real_data(name: str) -> None:
    assert ADVERSARIAL[name].paired
    with pytest.raises(ValueError, match="real data"):
        ADVERSARIAL[name].generator(FAKE)


def test_names_are_those_that_configs_may_have() -> None:
    assert get_args(AdversarialName) == tuple(ADVERSARIAL)


def test_the_saturating_game_is_the_discriminators_own() -> None:
    (down,) = torch.autograd.grad(ADVERSARIAL["saturating"].discriminator(REAL, x := FAKE.clone().requires_grad_()), x)
    (up,) = torch.autograd.grad(ADVERSARIAL["saturating"].generator(x), x)
    assert torch.allclose(up, -down)
