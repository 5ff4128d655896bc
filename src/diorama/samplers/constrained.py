"""Denoisers whose clean samples keep what is known of a picture: zero-shot editing with any sampler.

Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, algorithm 4 and appendix D, where the sampler
is that of consistency models.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from diorama.core.contracts import Denoise, Level, Prediction

Replace = Callable[[Tensor], Tensor]
"""A clean sample in, the same with the known part in its place out."""

LUMINANCE = (0.2989, 0.587, 0.114)
"""How much red, green and blue count in a grey value."""


class Constrained:
    """A denoiser whose clean samples are made to agree with what is known.

    Args:
        denoise: the denoiser.
        replace: puts the known part into a clean sample.
    """

    def __init__(self, denoise: Denoise, replace: Replace) -> None:
        self.denoise, self.replace = denoise, replace

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...)."""
        found = self.denoise(x, level)
        return found._replace(clean=self.replace(found.clean))


def known_pixels(image: Tensor, mask: Tensor) -> Replace:
    """Pixels are known: inpainting.

    Args:
        image: (b, c, h, w).
        mask: broadcasts against it; 1 where something is to be drawn and 0 where the pixel is known.
    """
    return lambda clean: torch.lerp(image, clean, mask)


def known_grey(image: Tensor) -> Replace:
    """The grey values are known: colouring.

    Args:
        image: (b, 3, h, w), of which the part along :data:`LUMINANCE` counts.
    """
    return lambda clean: clean + grey_part(image - clean)


def grey_part(image: Tensor) -> Tensor:
    """The projection of every pixel of (b, 3, h, w) on the direction :data:`LUMINANCE`."""
    weights = image.new_tensor(LUMINANCE).reshape(3, 1, 1)
    direction = weights / weights.norm()
    return direction * (direction * image).sum(1, keepdim=True)


def known_patch_means(image: Tensor, patch: int = 8) -> Replace:
    """The means of square patches are known: super-resolution.

    Args:
        image: (b, c, h, w), height and width multiples of ``patch``.
        patch: pixels along a side.
    """
    return lambda clean: clean + patch_means(image - clean, patch)


def patch_means(image: Tensor, patch: int = 8) -> Tensor:
    """Every pixel of (b, c, h, w) replaced by the mean of its square patch.

    Raises:
        ValueError: height or width is no multiple of ``patch``.
    """
    if image.shape[-1] % patch or image.shape[-2] % patch:
        raise ValueError(
            f"patch: height and width must be multiples of {patch}, got {image.shape[-2]} x {image.shape[-1]}"
        )
    return functional.interpolate(functional.avg_pool2d(image, patch), scale_factor=patch, mode="nearest")
