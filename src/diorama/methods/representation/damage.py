"""Known damage, so that a network may learn without labels how much of it a picture bears."""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

KINDS = ("noise", "blur", "blocks", "pixels")
"""Gaussian noise, Gaussian blur, coarse 8 x 8 cosine coefficients as in JPEG, lost resolution."""


def damage(images: Float[Tensor, "b c h w"], kinds: Float[Tensor, " b"], amount: Float[Tensor, " b"]) -> Tensor:
    """Damage each picture in one way.

    Args:
        images: (b, c, h, w) in [-1, 1]; sides are multiples of 8.
        kinds: (b,) int64 index into :data:`KINDS`; any other value leaves the picture whole.
        amount: (b,) in [0, 1]; 0 is barely visible, 1 is gross.

    Returns:
        (b, c, h, w) in [-1, 1].
    """
    out = images.clone()
    for index, harm in enumerate((_noise, _blur, _blocks, _pixels)):
        chosen = kinds == index
        out = torch.where(chosen[:, None, None, None], harm(images, amount), out)
    return out.clamp(-1, 1)


def _noise(images: Tensor, amount: Tensor) -> Tensor:
    sigma = 0.02 * 30 ** amount[:, None, None, None]
    return images + sigma * torch.randn_like(images)


def _blur(images: Tensor, amount: Tensor) -> Tensor:
    b, c, h, w = images.shape
    sigma = 0.3 * 10**amount
    reach = torch.arange(-8, 9, device=images.device)
    kernel = torch.softmax(-0.5 * (reach / sigma[:, None]) ** 2, dim=1)
    kernel = kernel.repeat_interleave(c, 0)[:, None]
    flat = F.pad(images.reshape(1, b * c, h, w), (8, 8, 8, 8), mode="reflect")
    flat = F.conv2d(flat, kernel[..., None], groups=b * c)
    return F.conv2d(flat, kernel[:, :, None], groups=b * c).reshape(b, c, h, w)


@cache
def _cosines(device: torch.device) -> tuple[Tensor, Tensor]:
    """The orthonormal 8-point cosine transform, and steps that grow with frequency as JPEG's do."""
    n = torch.arange(8, device=device, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (n[None] + 0.5) * n[:, None]) * 0.5
    basis[0] *= math.sqrt(0.5)
    steps = 0.5 + (n[:, None] + n[None]) / 4
    return basis, steps


def _blocks(images: Tensor, amount: Tensor) -> Tensor:
    b, c, h, w = images.shape
    basis, steps = _cosines(images.device)
    step = steps * (0.1 * 20**amount)[:, None, None, None, None, None]
    blocks = images.reshape(b, c, h // 8, 8, w // 8, 8).permute(0, 1, 2, 4, 3, 5)
    coarse = (basis @ blocks @ basis.T / step).round() * step
    return (basis.T @ coarse @ basis).permute(0, 1, 2, 4, 3, 5).reshape(b, c, h, w)


def _pixels(images: Tensor, amount: Tensor) -> Tensor:
    size = images.shape[-2:]
    levels = [images]
    for factor in (2, 4):
        small = F.interpolate(images, size=[s // factor for s in size], mode="area")
        levels.append(F.interpolate(small, size=size, mode="nearest"))
    place = (amount * 2)[:, None, None, None]
    low = torch.where(place < 1, levels[0], levels[1])
    high = torch.where(place < 1, levels[1], levels[2])
    return low + (high - low) * (place % 1)
