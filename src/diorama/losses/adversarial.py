"""Adversarial losses on logits, shape (): means over all logits, or where that is asked for sums, or each value.

A logit is positive where the discriminator takes its input for real. ``discriminator`` losses take the logits of real
and of generated data; ``generator`` losses those of generated data, and those of real data where both are compared. All
count in float32 at least, whatever precision the networks run in: the logits of both sides differ by little, and by
nothing in bfloat16.

What published programs do differently (targets, the half of least squares, sums) are arguments. One side of a loss,
:func:`cross_entropy`, :func:`squared_error`, :func:`hinge` or :func:`critic_mean`, serves where a program takes real
and generated data apart, or several maps of logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

from diorama.core.device import at_least_float32
from diorama.losses.soft_hinge import soft_hinge

Logits = Float[Tensor, "..."]
Reduction = Literal["mean", "sum", "none"]


class GeneratorLoss(Protocol):
    """(logits of generated data, logits of real data) -> loss; the second may be left out where they are not read."""

    def __call__(self, fake: Logits, real: Logits | None = None) -> Tensor: ...


@dataclass(frozen=True)
class AdversarialLoss:
    """Both sides of a game.

    Args:
        discriminator: (logits of real data, logits of generated data) -> loss.
        generator: the other side.
        paired: the generator's side reads the logits of real data too.
        boundary: the logit halfway between real and generated data; ``None`` where only differences of logits count,
            so that all of them may shift without a change of the loss.
    """

    discriminator: Callable[[Logits, Logits], Tensor]
    generator: GeneratorLoss
    paired: bool = False
    boundary: float | None = 0.0


def reduced(values: Tensor, reduction: Reduction) -> Tensor:
    """The mean of all values, their sum, or the values as they are."""
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()


def cross_entropy(logits: Logits, target: float, *, reduction: Reduction = "mean") -> Tensor:
    """Binary cross-entropy against one target for all logits.

    Args:
        logits: of one side.
        target: probability of being real: 1 and 0, or what smoothing leaves of them.
        reduction: mean or sum.
    """
    logits = at_least_float32(logits)
    return reduced(target * softplus(-logits) + (1 - target) * softplus(logits), reduction)


def squared_error(
    logits: Logits, target: float, *, factor: float = 1.0, squashed: bool = False, reduction: Reduction = "mean"
) -> Tensor:
    """Squared distance from one target for all logits.

    Args:
        logits: of one side.
        target: for real data usually 1, for generated data 0.
        factor: of the square: 0.5 in the paper's equation 9, 1 in most programs.
        squashed: of the probabilities, as pytorch_GAN_zoo takes it, and not of the logits.
        reduction: mean or sum.

    Reference: Mao et al. 2017, arXiv 1611.04076, equation 2.
    """
    logits = at_least_float32(logits)
    return factor * reduced(((logits.sigmoid() if squashed else logits) - target).square(), reduction)


def hinge(logits: Logits, *, real: bool, reduction: Reduction = "mean") -> Tensor:
    """How far logits fall short of 1 for real data, or of -1 for generated data.

    Reference: Lim, Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equation 16.
    """
    logits = at_least_float32(logits)
    return reduced(relu(1 - logits if real else 1 + logits), reduction)


def critic_mean(logits: Logits, *, real: bool, reduction: Reduction = "mean") -> Tensor:
    """What a critic lowers: logits of generated data, minus logits of real data.

    Reference: Arjovsky, Chintala, Bottou 2017, arXiv 1701.07875, equation 2.
    """
    value = reduced(at_least_float32(logits), reduction)
    return -value if real else value


def non_saturating_discriminator(
    real: Logits, fake: Logits, smoothing: float = 0.0, *, reduction: Reduction = "mean"
) -> Tensor:
    """Binary cross-entropy of real against generated data.

    Args:
        real: logits of real data.
        fake: logits of generated data.
        smoothing: how far the target of real data lies below 1 (one-sided label smoothing).
        reduction: mean or sum.

    Reference: Goodfellow et al. 2014, arXiv 1406.2661, equation 1; Salimans et al. 2016, arXiv 1606.03498,
        section 3.4 (smoothing).
    """
    real, fake = at_least_float32(real), at_least_float32(fake)
    # The cross-entropy against the target 1 - s is softplus(-real) + s * real.
    return reduced(softplus(-real) + smoothing * real, reduction) + reduced(softplus(fake), reduction)


def non_saturating_generator(fake: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """Cross-entropy of generated data against the label "real".

    Reference: Goodfellow et al. 2014, arXiv 1406.2661, section 3.
    """
    return reduced(softplus(-at_least_float32(fake)), reduction)


def saturating_generator(fake: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """Minus the discriminator's cross-entropy of generated data, which is flat where that is judged rightly.

    Reference: Goodfellow et al. 2014, arXiv 1406.2661, equation 1 (the minimax game).
    """
    return -reduced(softplus(at_least_float32(fake)), reduction)


def hinge_discriminator(real: Logits, fake: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """Hinge loss. Reference: Lim, Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equation 16."""
    return hinge(real, real=True, reduction=reduction) + hinge(fake, real=False, reduction=reduction)


def soft_hinge_discriminator(real: Logits, fake: Logits) -> Tensor:
    """Hinge loss with margins that are drawn anew for every logit. Reference: :mod:`diorama.losses.soft_hinge`."""
    return soft_hinge(real, real=True) + soft_hinge(fake, real=False)


def negative_mean_generator(fake: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """The generator's side of the hinge and Wasserstein losses: minus the mean logit."""
    return -reduced(at_least_float32(fake), reduction)


def least_squares_discriminator(
    real: Logits, fake: Logits, *, factor: float = 0.5, reduction: Reduction = "mean"
) -> Tensor:
    """Least squares with targets 1 and 0. Reference: Mao et al. 2017, arXiv 1611.04076, equation 9."""
    return factor * (squared_error(real, 1.0, reduction=reduction) + squared_error(fake, 0.0, reduction=reduction))


def least_squares_generator(fake: Logits, *, factor: float = 0.5, reduction: Reduction = "mean") -> Tensor:
    """Least squares against the target 1. Reference: Mao et al. 2017, arXiv 1611.04076, equation 9."""
    return squared_error(fake, 1.0, factor=factor, reduction=reduction)


def wasserstein_discriminator(real: Logits, fake: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """Minus the critic's estimate of the Wasserstein distance.

    Reference: Arjovsky, Chintala, Bottou 2017, arXiv 1701.07875, equation 2. The critic must be kept Lipschitz, for
        instance by :func:`diorama.losses.penalties.gradient_penalty`.
    """
    return reduced(at_least_float32(fake), reduction) - reduced(at_least_float32(real), reduction)


def relativistic_discriminator(real: Logits, fake: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """Cross-entropy of which of two is the real one: the real and the generated sample of the same place are a pair.

    Reference: Jolicoeur-Martineau 2018, arXiv 1807.00734, section 4.1 (RSGAN); Huang et al. 2025, arXiv 2501.05441,
        equation 2 (R3GAN).
    """
    return reduced(softplus(at_least_float32(fake) - at_least_float32(real)), reduction)


def relativistic_generator(fake: Logits, real: Logits, *, reduction: Reduction = "mean") -> Tensor:
    """The other side of :func:`relativistic_discriminator`.

    Reference: Jolicoeur-Martineau 2018, arXiv 1807.00734, section 4.1.
    """
    return reduced(softplus(at_least_float32(real) - at_least_float32(fake)), reduction)


def relativistic_average_discriminator(real: Logits, fake: Logits, *, factor: float = 1.0) -> Tensor:
    """Cross-entropy of logits that are counted from the mean logit of the other side.

    Args:
        real: logits of real data.
        fake: logits of generated data.
        factor: 0.5 in programs that take the mean of both terms.

    Reference: Jolicoeur-Martineau 2018, arXiv 1807.00734, section 4.2 (RaSGAN); Wang et al. 2018, arXiv 1809.00219,
        equation 1 (ESRGAN).
    """
    real, fake = at_least_float32(real), at_least_float32(fake)
    return factor * (cross_entropy(real - fake.mean(), 1.0) + cross_entropy(fake - real.mean(), 0.0))


def relativistic_average_generator(fake: Logits, real: Logits, *, factor: float = 1.0) -> Tensor:
    """The other side of :func:`relativistic_average_discriminator`.

    Reference: Wang et al. 2018, arXiv 1809.00219, equation 2.
    """
    return relativistic_average_discriminator(fake, real, factor=factor)


def _alone(generator: Callable[[Logits], Tensor]) -> GeneratorLoss:
    """A generator's side that does not read the logits of real data."""

    def loss(fake: Logits, real: Logits | None = None) -> Tensor:
        return generator(fake)

    return loss


def _beside(generator: Callable[[Logits, Logits], Tensor]) -> GeneratorLoss:
    """A generator's side that reads the logits of real data."""

    def loss(fake: Logits, real: Logits | None = None) -> Tensor:
        if real is None:
            raise ValueError("this loss compares the logits of generated data with those of real data")
        return generator(fake, real)

    return loss


AdversarialName = Literal[
    "non_saturating",
    "saturating",
    "hinge",
    "least_squares",
    "wasserstein",
    "relativistic",
    "relativistic_average",
    "soft_hinge",
]
ADVERSARIAL: Mapping[str, AdversarialLoss] = {
    "non_saturating": AdversarialLoss(non_saturating_discriminator, _alone(non_saturating_generator)),
    "saturating": AdversarialLoss(non_saturating_discriminator, _alone(saturating_generator)),
    "hinge": AdversarialLoss(hinge_discriminator, _alone(negative_mean_generator)),
    "least_squares": AdversarialLoss(least_squares_discriminator, _alone(least_squares_generator), boundary=0.5),
    "wasserstein": AdversarialLoss(wasserstein_discriminator, _alone(negative_mean_generator), boundary=None),
    "relativistic": AdversarialLoss(
        relativistic_discriminator, _beside(relativistic_generator), paired=True, boundary=None
    ),
    "relativistic_average": AdversarialLoss(
        relativistic_average_discriminator, _beside(relativistic_average_generator), paired=True, boundary=None
    ),
    "soft_hinge": AdversarialLoss(soft_hinge_discriminator, _alone(negative_mean_generator)),
}
"""The losses by the names that method configs use."""
