"""The picture beside the features of EDM's U-Nets: what is seen of the noisy one, and what is added to the prediction.

Reference: Y. Song et al., arXiv:2011.13456, appendix H; T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364,
table 7.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn.norm import GroupNormAct
from diorama.nn.resample import Taps, fir_halve
from diorama.nn.unet_block import normalisation_groups


class PictureSkip(nn.Module):
    """The noisy picture, halved and added to the features at its size."""

    def __init__(self, channels: int, width: int, taps: Taps) -> None:
        super().__init__()
        self.taps = taps
        self.conv = nn.Conv2d(channels, width, 1)

    def forward(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(b, width, h, w) and (b, channels, 2h, 2w) -> the sum, and the halved picture."""
        picture = fir_halve(picture, self.taps)
        return x + self.conv(picture), picture


class PictureResidual(nn.Module):
    """Features of the noisy picture, convolved, halved and added to the others; the sum is what goes on as both."""

    def __init__(self, channels: int, width: int, taps: Taps) -> None:
        super().__init__()
        self.taps = taps
        self.conv = nn.Conv2d(channels, width, 3)

    def forward(self, x: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(b, width, h, w) and (b, channels, 2h, 2w) -> the sum of (b, width, h, w), twice."""
        # Padded once for both, the filter sees what the convolution gives beyond the picture's edge, and no zeros.
        assert self.conv.bias is not None
        h = F.conv2d(picture, self.conv.weight, padding=len(self.taps) // 2)
        h = fir_halve(h, self.taps, padding=0) + self.conv.bias[:, None, None]
        x = (x + h) / math.sqrt(2)
        return x, x


class PictureOut(nn.Module):
    """What a level adds to the prediction: (b, width, h, w) -> (b, channels, h, w)."""

    def __init__(self, width: int, channels: int, eps: float) -> None:
        super().__init__()
        self.norm = GroupNormAct(normalisation_groups(width), width, eps=eps, act="silu")
        self.conv = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))
