"""Draws small pictures from features, so that training can ask features to keep what a picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class FeatureDecoderConfig:
    """A stack of doublings from 4 x 4.

    Args:
        features: length of the feature vector.
        size: side of the pictures, 4 times a power of two.
        width: channels at 4 x 4; halved at each doubling.
    """

    features: int = 256
    size: int = 32
    width: int = 256

    def __post_init__(self) -> None:
        if self.size < 8 or self.size & (self.size - 1):
            raise ValueError(f"size must be a power of two, at least 8, got {self.size}")

    def build(self) -> FeatureDecoder:
        return FeatureDecoder(self)


class FeatureDecoder(nn.Module):
    """Features to pictures."""

    def __init__(self, config: FeatureDecoderConfig) -> None:
        super().__init__()
        self.config = config
        doublings = (config.size // 4).bit_length() - 1
        widths = [max(config.width >> i, 16) for i in range(doublings + 1)]
        self.enter = nn.Linear(config.features, widths[0] * 16)
        self.doublings = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairwise(widths)
        )
        self.leave = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, features: Float[Tensor, "b d"]) -> Float[Tensor, "b 3 s s"]:
        """Pictures (b, 3, size, size) in [-1, 1] for features (b, d)."""
        x = F.relu(self.enter(features).unflatten(1, (-1, 4, 4)))
        for doubling in self.doublings:
            x = doubling(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.leave(x).tanh()
