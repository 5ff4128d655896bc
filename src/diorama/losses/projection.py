"""How far a drawn picture is from a given one, where a latent vector is sought that draws it; losses of each picture.

Reference: T. Karras et al., "Analyzing and improving the image quality of StyleGAN", arXiv:1912.04958, appendix D.
R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", arXiv:1801.03924, equation 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_COARSEST = 8
"""Side below which nothing is halved any more."""


def over_resolutions(first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """Mean squared difference of pictures, the mean over the resolutions that halving gives, down to 8 pixels."""
    difference, squares = first - second, []
    while True:
        squares.append(difference.square().flatten(1).mean(dim=1))
        if min(difference.shape[-2:]) < 2 * _COARSEST:
            return torch.stack(squares).mean(dim=0)
        difference = F.avg_pool2d(difference, 2)


def of_maps(first: Sequence[Tensor], second: Sequence[Tensor], count: int) -> Float[Tensor, " count"]:
    """Squared difference of feature maps whose channels are scaled to unit length at every place: the mean over places
    and depths. Equation 1 of LPIPS, with equal weights in place of learned ones.

    Args:
        first: maps (n, d, h, w) of each depth; n is a multiple of ``count``.
        second: likewise.
        count: pictures.
    """
    found = []
    for one, other in zip(first, second, strict=True):
        apart = (F.normalize(one, dim=1) - F.normalize(other, dim=1)).square().sum(dim=1)
        found.append(apart.unflatten(0, (count, -1)).flatten(1).mean(dim=1))
    return torch.stack(found).mean(dim=0)


def correlation(noises: Sequence[Float[Tensor, "b 1 h w"]]) -> Float[Tensor, " b"]:
    """How far noise of layers is from white: squared correlation of neighbours, summed over directions, layers, and
    resolutions down to 8 pixels, so that no picture is hidden in it.

    Reference: arXiv:1912.04958, appendix D.
    """
    total = noises[0].new_zeros(len(noises[0]))
    for whole in noises:
        noise = whole
        while True:
            for axis in (2, 3):
                total = total + (noise * noise.roll(1, dims=axis)).flatten(1).mean(dim=1).square()
            if noise.shape[-1] <= _COARSEST:
                break
            # Twice the mean of four has the variance of one.
            noise = F.avg_pool2d(noise, 2) * 2
    return total
