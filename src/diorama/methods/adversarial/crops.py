"""Places cut out of small pictures and of their larger partners alike, mirrored and turned alike."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def aligned_crops(
    small: Float[Tensor, "b c h w"], large: Float[Tensor, "b d sh sw"], side: int
) -> tuple[Float[Tensor, "b c side side"], Float[Tensor, "b d large large"]]:
    """A square of each small picture at a random place, and what stands there in its partner.

    Args:
        small: (b, c, h, w), of sides of at least ``side``.
        large: (b, d, h * scale, w * scale).
        side: of the squares in pixels of the small pictures; those of the partners are ``scale`` times as large.
    """
    height, width = small.shape[2:]
    scale = large.shape[2] // height
    top = torch.randint(height - side + 1, (len(small), 1), device=small.device)
    left = torch.randint(width - side + 1, (len(small), 1), device=small.device)
    return _cut(small, top, left, side), _cut(large, top * scale, left * scale, side * scale)


def turned_alike(small: Float[Tensor, "b c h h"], large: Float[Tensor, "b d s s"]) -> tuple[Tensor, Tensor]:
    """Each pair in one of the eight positions of a square, drawn at random, both pictures in the same."""
    draws = torch.rand(3, len(small), 1, 1, 1, device=small.device) < 0.5
    return _turned(small, draws), _turned(large, draws)


def _cut(pictures: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Squares of (b, c, h, w) whose first rows and columns, (b, 1), are given."""
    places = torch.arange(side, device=pictures.device)
    rows, columns = (top + places)[:, None, :, None], (left + places)[:, None, None, :]
    batch = torch.arange(len(pictures), device=pictures.device)[:, None, None, None]
    channels = torch.arange(pictures.shape[1], device=pictures.device)[None, :, None, None]
    return pictures[batch, channels, rows, columns]


def _turned(pictures: Tensor, draws: Tensor) -> Tensor:
    mirrored, upturned, exchanged = draws
    pictures = torch.where(mirrored, pictures.flip(-1), pictures)
    pictures = torch.where(upturned, pictures.flip(-2), pictures)
    return torch.where(exchanged, pictures.mT, pictures)
