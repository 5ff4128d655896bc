"""Penalties on the gradient of a discriminator with respect to its input, shape ().

They are means over the batch, or where that is asked for sums, or the values (b,). All differentiate twice: a phase
that uses one sets ``second_order=True``. A discriminator that reads conditions is handed over with them:
``lambda x: network(x, given)``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32
from diorama.losses.adversarial import Reduction, reduced
from diorama.nn.differentiation import gradient_by

Discriminator = Callable[[Tensor], Tensor]


def judged_with_slope(
    discriminator: Discriminator, x: Float[Tensor, "b ..."]
) -> tuple[Float[Tensor, "b ..."], Float[Tensor, " b"]]:
    """Logits, and the squared norms (b,) of the gradients of their sum at each sample; both can be differentiated."""
    x = x.detach().requires_grad_(True)
    logits = at_least_float32(discriminator(x))
    return logits, at_least_float32(gradient_by(x, logits).flatten(1)).square().sum(1)


def input_gradients(discriminator: Discriminator, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b n"]:
    """Gradient of the summed logits with respect to each sample, flattened, itself differentiable."""
    x = x.detach().requires_grad_(True)
    return at_least_float32(gradient_by(x, discriminator(x)).flatten(1))


def between(
    real: Float[Tensor, "b ..."], fake: Float[Tensor, "b ..."], mix: Float[Tensor, " b"] | None = None
) -> Float[Tensor, "b ..."]:
    """Places on the lines from generated to real samples.

    Args:
        real: real samples.
        fake: as many generated samples.
        mix: share of the real sample, in [0, 1]; drawn uniformly when left out.
    """
    if mix is None:
        mix = torch.rand(len(real), device=real.device)
    share = mix.to(real.dtype).reshape(-1, *[1] * (real.dim() - 1))
    return share * real.detach() + (1 - share) * fake.detach()


def slope_penalty(
    discriminator: Discriminator,
    x: Float[Tensor, "b ..."],
    *,
    target: float = 1.0,
    eps: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """How far a critic's slope is from what it should be: (norm - target)², without a weight.

    Args:
        discriminator: (b, …) -> logits.
        x: where the slope is taken.
        target: the norm that costs nothing.
        eps: added to every component of the gradient, which keeps the norm's own derivative finite at a gradient of 0.
        reduction: over the batch.

    Reference: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017, arXiv 1704.00028, equation 3.
    """
    norms = (input_gradients(discriminator, x) + eps).norm(dim=1)
    return reduced((norms - target).square(), reduction)


def gradient_penalty(
    discriminator: Discriminator,
    real: Float[Tensor, "b ..."],
    fake: Float[Tensor, "b ..."],
    mix: Float[Tensor, " b"] | None = None,
    *,
    target: float = 1.0,
    eps: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """:func:`slope_penalty` between real and generated samples: that of WGAN-GP; its weight is 10 in the paper.

    Args:
        discriminator: (b, …) -> logits.
        real: real samples.
        fake: as many generated samples.
        mix: as in :func:`between`.
        target: the norm that costs nothing.
        eps: added to every component of the gradient: 1e-16 in the CycleGAN authors' code.
        reduction: over the batch: the sum in pytorch_GAN_zoo.
    """
    return slope_penalty(discriminator, between(real, fake, mix), target=target, eps=eps, reduction=reduction)


def squared_slope(discriminator: Discriminator, x: Float[Tensor, "b ..."], *, reduction: Reduction = "mean") -> Tensor:
    """Squared norm of the gradient, a penalty centred at zero: R1 at real samples, R2 at generated ones.

    Args:
        discriminator: (b, …) -> logits.
        x: where the slope is taken; what :func:`between` returns makes it the zero-centred form of WGAN-GP's.
        reduction: over the batch.

    Reference: Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406, equations 9 and 10 without their weight gamma / 2;
        Thanh-Tung, Tran, Venkatesh 2019, arXiv 1902.03984 (between samples).
    """
    return reduced(input_gradients(discriminator, x).square().sum(1), reduction)


def r1(discriminator: Discriminator, real: Float[Tensor, "b ..."], *, reduction: Reduction = "mean") -> Tensor:
    """:func:`squared_slope` at real samples.

    Reference: Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406, equation 9 without its weight gamma / 2.
    """
    return squared_slope(discriminator, real, reduction=reduction)


def r2(discriminator: Discriminator, fake: Float[Tensor, "b ..."], *, reduction: Reduction = "mean") -> Tensor:
    """:func:`squared_slope` at generated samples.

    Reference: Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406, equation 10 without its weight gamma / 2.
    """
    return squared_slope(discriminator, fake, reduction=reduction)
