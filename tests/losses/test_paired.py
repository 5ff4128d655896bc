"""R3GAN's turns against the losses and penalties that they are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diorama.losses.adversarial import relativistic_discriminator, relativistic_generator
from diorama.losses.paired import discriminator_turn, generator_turn
from diorama.losses.penalties import r1, r2

RANDOM = torch.Generator().manual_seed(0)
REAL, FAKE = torch.randn(2, 5, 4, generator=RANDOM, dtype=torch.float64)


def judge() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Softplus(), nn.Linear(6, 1), nn.Flatten(0)).double()


def test_the_discriminators_turn_is_its_pairs_and_half_of_both_penalties() -> None:
    network = judge()
    turn = discriminator_turn(network, REAL, FAKE, 3.0, gain=0.5)
    pairs = relativistic_discriminator(network(REAL), network(FAKE))
    expected = 0.5 * (pairs + 1.5 * (r1(network, REAL) + r2(network, FAKE)))
    torch.testing.assert_close(turn.loss, expected)
    torch.testing.assert_close(turn.each.mean(), pairs)
    torch.testing.assert_close(turn.r1.mean(), r1(network, REAL))
    torch.testing.assert_close(turn.r2.mean(), r2(network, FAKE))
    assert torch.equal(turn.margins, network(REAL) - network(FAKE))
    assert torch.equal(turn.signs, turn.margins.sign())
    parameters = list(network.parameters())
    # The last bias moves both sides of a pair alike, and so has no gradient.
    found = torch.autograd.grad(turn.loss, parameters, retain_graph=True)
    wanted = torch.autograd.grad(expected, parameters, allow_unused=True, materialize_grads=True)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_no_gradient_of_the_discriminators_turn_goes_into_what_drew() -> None:
    drawn = FAKE.clone().requires_grad_(True)
    discriminator_turn(judge(), REAL, drawn * 2, 1.0).loss.backward()
    assert drawn.grad is None


def test_the_generators_turn_goes_through_the_generated_one_of_each_pair() -> None:
    network, drawn = judge().requires_grad_(False), FAKE.clone().requires_grad_(True)
    turn = generator_turn(network, REAL, drawn, gain=2.0)
    expected = 2 * relativistic_generator(network(drawn), network(REAL))
    torch.testing.assert_close(turn.loss, expected)
    assert torch.equal(turn.margins, network(drawn) - network(REAL))
    (found,), (wanted,) = torch.autograd.grad(turn.loss, drawn), torch.autograd.grad(expected, drawn)
    torch.testing.assert_close(found, wanted)


def test_the_slope_is_that_before_pictures_are_altered() -> None:
    network = judge()

    def altered(x: Tensor) -> Tensor:
        logits: Tensor = network(3 * x)
        return logits

    turn = discriminator_turn(altered, REAL, FAKE, 1.0)
    # Of pictures three times as strong the slope before is three times that behind.
    torch.testing.assert_close(turn.r1.mean(), 9 * r1(network, 3 * REAL))


def test_pairs_are_compared_one_by_one() -> None:
    network = judge()
    turn = discriminator_turn(network, REAL, FAKE, 0.0)
    other = discriminator_turn(network, REAL, FAKE.flip(0), 0.0)
    assert not torch.allclose(turn.loss, other.loss)
    torch.testing.assert_close(turn.margins.sum(), other.margins.sum())
