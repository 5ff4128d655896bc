"""The picture beside the features of a U-Net: what is seen of the noisy one, and what is added to the prediction.

Reference: Y. Song et al., arXiv:2011.13456, appendix H; T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364,
table 7.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn.norm import GroupNormAct
from diorama.nn.resample import Taps, fir_halve
from diorama.nn.unet_block import normalisation_groups


class PictureSkip(nn.Module):
    """The noisy picture, halved, and added to the features at its size.

    Args:
        channels: of the picture.
        width: of the features.
        taps: of the filter that halves.
        beside: put before the features' channels in place of being added to them.
    """

    def __init__(self, channels: int, width: int, taps: Taps, *, beside: bool = False) -> None:
        super().__init__()
        self.taps, self.beside = taps, beside
        self.conv = nn.Conv2d(channels, width, 1)

    def forward(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(b, width, h, w) and (b, channels, 2h, 2w) -> the sum, or twice as many channels, and the halved picture."""
        picture = fir_halve(picture, self.taps)
        seen = self.conv(picture)
        return torch.cat([seen, x], dim=1) if self.beside else x + seen, picture


class PictureResidual(nn.Module):
    """Features of the noisy picture, convolved, halved and added to the others; the sum is what goes on as both.

    Args:
        channels: of the picture, or of the sum before.
        width: of the features.
        taps: of the filter that halves; ``None`` for a strided convolution.
        divide: the sum is divided by it.
    """

    def __init__(self, channels: int, width: int, taps: Taps | None, *, divide: float = math.sqrt(2)) -> None:
        super().__init__()
        self.divide = divide
        self.taps = taps
        self.conv = nn.Conv2d(channels, width, 3)

    def forward(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(b, width, h, w) and (b, channels, 2h, 2w) -> the sum of (b, width, h, w), twice."""
        x = (x + conv_halve(picture, self.conv, self.taps)) / self.divide
        return x, x


def conv_halve(x: Tensor, conv: nn.Conv2d, taps: Taps | None) -> Tensor:
    """A 3x3 convolution and a filter at every second pixel: (b, c, h, w) -> (b, c', h/2, w/2).

    Args:
        x: (b, c, h, w).
        conv: whose weight and bias are taken.
        taps: of the filter; ``None`` for none, with one row and column of zeros at the bottom and on the right.
    """
    assert conv.bias is not None
    if taps is None:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), conv.weight, conv.bias, stride=2)
    # Padded once for both, the filter sees what the convolution gives beyond the picture's edge, and no zeros.
    h = F.conv2d(x, conv.weight, padding=len(taps) // 2)
    return fir_halve(h, taps, padding=0) + conv.bias[:, None, None]


class PictureOut(nn.Module):
    """What a level adds to the prediction: (b, width, h, w) -> (b, channels, h, w)."""

    def __init__(self, width: int, channels: int, eps: float) -> None:
        super().__init__()
        self.norm = GroupNormAct(normalisation_groups(width), width, eps=eps, act="silu")
        self.conv = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))
