"""How uncertain a denoiser is at a noise level, learned beside it and needed in training alone.

Reference: T. Karras, M. Aittala, J. Lehtinen, J. Hellsten, T. Aila, S. Laine, arXiv:2312.02696, section 2.1 and
equations 14 to 16; after A. Kendall, Y. Gal, R. Cipolla, arXiv:1705.07115.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from diorama.nn.magnitude import MagnitudeLinear, Waves


@dataclass(frozen=True, kw_only=True)
class UncertaintyConfig:
    """The head.

    Args:
        channels: waves that tell it the level.
    """

    channels: int = 128

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError(f"channels: must be at least 1, got {self.channels}")

    def build(self) -> Uncertainty:
        """The head, freshly initialised."""
        return Uncertainty(self)


class Uncertainty(nn.Module):
    """What the preconditioning tells of levels (b,) -> the logarithm of the variance of the errors there, (b,)."""

    def __init__(self, config: UncertaintyConfig) -> None:
        super().__init__()
        self.features = Waves(config.channels)
        self.log_variance = MagnitudeLinear(config.channels, 1)

    def forward(self, t: Tensor) -> Tensor:
        said: Tensor = self.log_variance(self.features(t))
        return said.squeeze(1)
