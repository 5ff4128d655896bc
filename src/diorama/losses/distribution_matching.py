"""How far the samples of a generator are from where a teacher would have them, seen through noise.

All compare two answers to the same noisy sample: the teacher's, and that of a network that knows the generator's own
samples (the fake score). Each sample's values are divided by a scale, which keeps levels of much noise from
outweighing the others.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_LEAST_SCALE = 1e-5


def scale_of(x: Float[Tensor, "b ..."], real: Float[Tensor, "b ..."]) -> Tensor:
    """Mean distance of the teacher's clean samples from the generator's, without gradients.

    Args:
        x: the generator's samples.
        real: what the teacher finds in them once they are noisy.

    Returns:
        (b, 1, ...), at least 1e-5.

    Reference: T. Yin et al., arXiv:2311.18828, equation 8; M. Zhou et al., arXiv:2404.04057, published code.
    """
    with torch.no_grad():
        return (x - real).abs().mean(dim=tuple(range(1, x.dim())), keepdim=True).clamp(min=_LEAST_SCALE)


def matching_loss(
    x: Float[Tensor, "b ..."], real: Float[Tensor, "b ..."], fake: Float[Tensor, "b ..."], scale: Tensor
) -> Tensor:
    """A number whose gradient in ``x`` is ``(fake - real) / scale`` over the count of all values.

    That is the gradient of the divergence KL(generator, data) of noisy samples, at one level and but for a factor: with
    scores ``(alpha clean - x_t) / sigma²`` the difference of both scores is ``alpha / sigma² (fake - real)``. No
    gradient is asked of either network.

    Args:
        x: the generator's samples.
        real: the teacher's clean samples.
        fake: those of the fake score.
        scale: of each sample, broadcasts against ``x``.

    Returns:
        Shape (): half the mean square of that gradient before it is divided by the count.

    Reference: T. Yin et al., arXiv:2405.14867, section 3, as the published code takes it.
    """
    with torch.no_grad():
        gradient = (fake - real) / scale
    return 0.5 * (x - (x - gradient).detach()).square().mean()


def score_identity_loss(
    x: Float[Tensor, "b ..."],
    real: Float[Tensor, "b ..."],
    fake: Float[Tensor, "b ..."],
    scale: Tensor,
    alpha: float,
) -> Tensor:
    """The mean of ``(real - fake) ((real - x) - alpha (real - fake)) / scale``.

    Where the fake score knows the generator's samples perfectly, its expectation without a scale is ``1 - alpha`` times
    the mean square of ``real - fake``: the Fisher divergence of noisy samples, but for a factor. Its gradient passes
    through both networks, and takes the fake score as it stands.

    Args:
        x: the generator's samples.
        real: the teacher's clean samples.
        fake: those of the fake score.
        scale: of each sample, broadcasts against ``x``.
        alpha: how much of the square is taken off.

    Returns:
        Shape ().

    Reference: M. Zhou, H. Zheng, Z. Wang, M. Yin, H. Huang, arXiv:2404.04057, algorithm 1.
    """
    apart = real - fake
    return (apart * ((real - x) - alpha * apart) / scale).mean()
