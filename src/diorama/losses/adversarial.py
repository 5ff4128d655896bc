"""Adversarial losses on logits: means over all logits, shape ().

A logit is positive where the discriminator takes its input for real. ``discriminator`` losses take the logits of real
and of generated data; ``generator`` losses those of generated data only. All count in float32 at least,
whatever precision the networks run in: the logits of both sides differ by little, and by nothing in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

from diorama.core.device import at_least_float32

Logits = Float[Tensor, "..."]


@dataclass(frozen=True)
class AdversarialLoss:
    """Both sides of a game.

    Args:
        discriminator: (logits of real data, logits of generated data) -> loss.
        generator: logits of generated data -> loss.
    """

    discriminator: Callable[[Logits, Logits], Tensor]
    generator: Callable[[Logits], Tensor]


def non_saturating_discriminator(real: Logits, fake: Logits, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of real against generated data.

    Args:
        real: logits of real data.
        fake: logits of generated data.
        smoothing: how far the target of real data lies below 1 (one-sided label smoothing).

    Reference: Goodfellow et al. 2014, arXiv 1406.2661, equation 1; Salimans et al. 2016, arXiv 1606.03498,
        section 3.4 (smoothing).
    """
    real, fake = at_least_float32(real), at_least_float32(fake)
    # The cross-entropy against the target 1 - s is softplus(-real) + s * real.
    return (softplus(-real) + smoothing * real).mean() + softplus(fake).mean()


def non_saturating_generator(fake: Logits) -> Tensor:
    """Cross-entropy of generated data against the label "real".

    Reference: Goodfellow et al. 2014, arXiv 1406.2661, section 3.
    """
    return softplus(-at_least_float32(fake)).mean()


def hinge_discriminator(real: Logits, fake: Logits) -> Tensor:
    """Hinge loss. Reference: Lim, Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equation 16."""
    return relu(1 - at_least_float32(real)).mean() + relu(1 + at_least_float32(fake)).mean()


def negative_mean_generator(fake: Logits) -> Tensor:
    """The generator's side of the hinge and Wasserstein losses: minus the mean logit."""
    return -at_least_float32(fake).mean()


def least_squares_discriminator(real: Logits, fake: Logits) -> Tensor:
    """Least squares with targets 1 and 0. Reference: Mao et al. 2017, arXiv 1611.04076, equation 9."""
    return 0.5 * ((at_least_float32(real) - 1).square().mean() + at_least_float32(fake).square().mean())


def least_squares_generator(fake: Logits) -> Tensor:
    """Least squares against the target 1. Reference: Mao et al. 2017, arXiv 1611.04076, equation 9."""
    return 0.5 * (at_least_float32(fake) - 1).square().mean()


def wasserstein_discriminator(real: Logits, fake: Logits) -> Tensor:
    """Minus the critic's estimate of the Wasserstein distance.

    Reference: Arjovsky, Chintala, Bottou 2017, arXiv 1701.07875, equation 2. The critic must be kept Lipschitz, for
        instance by :func:`diorama.losses.penalties.gradient_penalty`.
    """
    return at_least_float32(fake).mean() - at_least_float32(real).mean()


ADVERSARIAL: Mapping[str, AdversarialLoss] = {
    "non_saturating": AdversarialLoss(non_saturating_discriminator, non_saturating_generator),
    "hinge": AdversarialLoss(hinge_discriminator, negative_mean_generator),
    "least_squares": AdversarialLoss(least_squares_discriminator, least_squares_generator),
    "wasserstein": AdversarialLoss(wasserstein_discriminator, negative_mean_generator),
}
"""The losses by the names that method configs use."""
