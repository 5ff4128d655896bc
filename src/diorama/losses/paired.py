"""R3GAN's two turns: the real and the generated sample of the same place are a pair, and the discriminator is held flat
at both.

A turn judges both sides once, and takes the penalties of those very logits. A discriminator that reads conditions, or
sees pictures augmented, is handed over with all of that: ``lambda x: network(augmented(x), given)``. So the penalties
are of the slope at the pictures before they were augmented.

Reference: Huang, Gokaslan, Kuleshov, Tompkin 2025, arXiv 2501.05441, equations 2 (pairs) and 4 (both penalties), and
the authors' code, which takes the penalties at every step.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from diorama.core.device import at_least_float32
from diorama.losses.penalties import Discriminator, judged_with_slope


class GeneratorTurn(NamedTuple):
    """What the generator's turn comes to.

    Attributes:
        loss: (), what is lowered.
        each: (b,), the loss of each pair.
        margins: (b,), by how much the generated one of a pair looks more real than the real one.
        signs: (b,), of the margins.
    """

    loss: Tensor
    each: Tensor
    margins: Tensor
    signs: Tensor


class DiscriminatorTurn(NamedTuple):
    """What the discriminator's turn comes to.

    Attributes:
        loss: (), what is lowered, with the penalties.
        each: (b,), the loss of each pair, without the penalties.
        margins: (b,), by how much the real one of a pair looks more real than the generated one.
        signs: (b,), of the margins.
        r1: (b,), squared slope at each real sample.
        r2: (b,), squared slope at each generated one.
    """

    loss: Tensor
    each: Tensor
    margins: Tensor
    signs: Tensor
    r1: Tensor
    r2: Tensor


def generator_turn(
    discriminator: Discriminator, real: Float[Tensor, "b ..."], fake: Float[Tensor, "b ..."], *, gain: float = 1.0
) -> GeneratorTurn:
    """The generator's turn.

    Args:
        discriminator: (b, …) -> logits (b,).
        real: real samples.
        fake: as many generated ones, through which the gradient goes.
        gain: factor of the loss.
    """
    margins = at_least_float32(discriminator(fake)) - at_least_float32(discriminator(real))
    each = softplus(-margins)
    return GeneratorTurn(gain * each.mean(), each, margins, margins.sign())


def discriminator_turn(
    discriminator: Discriminator,
    real: Float[Tensor, "b ..."],
    fake: Float[Tensor, "b ..."],
    gamma: float,
    *,
    gain: float = 1.0,
) -> DiscriminatorTurn:
    """The discriminator's turn; it differentiates twice.

    Args:
        discriminator: (b, …) -> logits (b,).
        real: real samples.
        fake: as many generated ones; no gradient goes into what made them.
        gamma: weight of the penalties, of which half counts.
        gain: factor of the loss and of its penalties.
    """
    real_logits, r1 = judged_with_slope(discriminator, real)
    fake_logits, r2 = judged_with_slope(discriminator, fake)
    margins = real_logits - fake_logits
    each = softplus(-margins)
    loss = gain * (each + gamma / 2 * (r1 + r2)).mean()
    return DiscriminatorTurn(loss, each, margins, margins.sign(), r1, r2)
