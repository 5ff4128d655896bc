"""How far pictures move with the styles they are drawn of.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, "Analyzing and improving the image
quality of StyleGAN", arXiv:1912.04958, section 3.2 and appendix B.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32
from diorama.nn.differentiation import gradient_by


def path_lengths(
    pictures: Float[Tensor, "b c h w"],
    styles: Float[Tensor, "b n d"],
    noise: Float[Tensor, "b c h w"] | None = None,
) -> Float[Tensor, " b"]:
    """The length of each picture's slope by its styles, along a random direction; itself differentiable.

    The direction is of the same expected length for pictures of all sizes. Squares are summed over the width of a
    style, and their mean is taken over layers.

    Args:
        pictures: drawn of the styles.
        styles: one for each layer.
        noise: standard normal, the direction; drawn when left out.

    Reference: arXiv:1912.04958, equation 4, without the distance from the mean length.
    """
    if noise is None:
        noise = torch.randn_like(pictures)
    moved = at_least_float32(pictures) * (noise / math.sqrt(pictures.shape[2] * pictures.shape[3]))
    slope = gradient_by(styles, moved)
    return at_least_float32(slope).square().sum(dim=2).mean(dim=1).sqrt()
