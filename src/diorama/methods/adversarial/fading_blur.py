"""A blur of what the discriminator sees, strong at first, that is gone after a part of the training.

Reference: T. Karras, M. Aittala, S. Laine, E. Härkönen, J. Hellsten, J. Lehtinen, T. Aila, arXiv:2106.12423, appendix
F.2: configuration R needs it, lest the discriminator dwell on details before the generator has shapes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diorama.nn.fir import filter2d


@dataclass(frozen=True, kw_only=True)
class FadingBlurConfig:
    """How strong, and for how long.

    Args:
        sigma: pixels at which the filter has fallen to half, as training begins; 0 for no blur.
        images: after which it is gone.
    """

    sigma: float = 0.0
    images: int = 200_000

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < math.inf:
            raise ValueError(f"sigma must be at least 0 and finite, got {self.sigma}")
        if self.images < 1:
            raise ValueError(f"images must be at least 1, got {self.images}")


class FadingBlur(nn.Module):
    """Pictures (b, c, h, w) blurred as after so many images; the filter is a buffer of fixed length."""

    def __init__(self, config: FadingBlurConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("taps", torch.zeros(2 * _radius(config.sigma) + 1))
        self.taps: Tensor
        self.fade(0)

    @torch.no_grad()
    def fade(self, images: int) -> None:
        """Take the filter that follows ``images``; on the device, without waiting for it."""
        sigma = self.config.sigma * max(1 - images / self.config.images, 0.0)
        radius = len(self.taps) // 2
        away = torch.arange(-radius, radius + 1, device=self.taps.device)
        heights = torch.exp2(-(away / max(sigma, 1e-8)).square()) * (away.abs() <= _radius(sigma))
        self.taps.copy_(heights / heights.sum())

    def forward(self, pictures: Tensor) -> Tensor:
        return filter2d(pictures, self.taps)


def _radius(sigma: float) -> int:
    """Pixels beyond which the filter is nothing."""
    return math.floor(3 * sigma)
