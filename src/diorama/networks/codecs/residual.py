"""The blocks that convolutional autoencoders share."""

from __future__ import annotations

from torch import Tensor, nn

from diorama.nn.norm import GroupNormAct

_WIDEST = 4


class ResidualConv(nn.Module):
    """Two pre-activated 3 x 3 convolutions around a shortcut, (b, width, h, w) -> the same shape.

    The block starts as the identity.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(norm(width), nn.Conv2d(width, width, 3, padding=1), norm(width), last)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def norm(width: int) -> GroupNormAct:
    """Group normalisation and SiLU."""
    return GroupNormAct(next(g for g in (8, 4, 2, 1) if width % g == 0), width, act="silu")


def widths_of(features: int, halvings: int) -> list[int]:
    """Widths from full resolution to the coarsest map: doubled with each halving, up to four times ``features``."""
    return [features * min(_WIDEST, 1 << level) for level in range(halvings + 1)]
