"""Penalties on the gradient of a discriminator with respect to its input: means over the batch, shape ().

All differentiate twice: a phase that uses one sets ``second_order=True``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32

Discriminator = Callable[[Tensor], Tensor]


def input_gradients(discriminator: Discriminator, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b n"]:
    """Gradient of the summed logits with respect to each sample, flattened, itself differentiable."""
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return at_least_float32(gradient.flatten(1))


def gradient_penalty(
    discriminator: Discriminator,
    real: Float[Tensor, "b ..."],
    fake: Float[Tensor, "b ..."],
    mix: Float[Tensor, " b"] | None = None,
) -> Tensor:
    """How far the critic's slope between real and generated samples is from one: mean of (norm - 1)².

    Args:
        discriminator: (b, …) -> logits.
        real: real samples.
        fake: as many generated samples.
        mix: share of the real sample at the point where the slope is taken, in [0, 1]; drawn uniformly when left out.

    Reference: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017, arXiv 1704.00028, equation 3 without its weight
        (10 in the paper).
    """
    if mix is None:
        mix = torch.rand(len(real), device=real.device)
    share = mix.to(real.dtype).reshape(-1, *[1] * (real.dim() - 1))
    between = share * real.detach() + (1 - share) * fake.detach()
    return (input_gradients(discriminator, between).norm(dim=1) - 1).square().mean()


def r1(discriminator: Discriminator, real: Float[Tensor, "b ..."]) -> Tensor:
    """Mean squared norm of the gradient at real samples.

    Reference: Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406, equation 9 without its weight gamma / 2.
    """
    return input_gradients(discriminator, real).square().sum(1).mean()
