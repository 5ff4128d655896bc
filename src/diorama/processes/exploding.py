"""The variance-exploding process: noise is added and the data keep their scale."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Level


@dataclass(frozen=True, kw_only=True)
class ExplodingProcess:
    """``x = clean + t * noise``: time is the noise's standard deviation.

    Args:
        sigma_max: the largest standard deviation, beside which data of unit variance vanish.
        prior_data: standard deviation of the data that counts in what samples start with, beside that of the noise.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, table 1 (column "Ours").
    """

    sigma_max: float = 80.0
    prior_data: float = field(default=0.0, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not self.sigma_max > 0:
            raise ValueError(f"sigma_max must be positive, got {self.sigma_max}")
        if not self.prior_data >= 0:
            raise ValueError(f"prior_data must be at least 0, got {self.prior_data}")

    @property
    def end(self) -> float:
        """``sigma_max``."""
        return self.sigma_max

    def at(self, t: Tensor) -> Level:
        """The levels of standard deviations t."""
        return Level(t=t, alpha=torch.ones_like(t), sigma=t)

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """0 and 1."""
        return torch.zeros_like(t), torch.ones_like(t)

    def time_of(self, ratio: Tensor) -> Tensor:
        """The ratio itself."""
        return ratio

    def prior_scale(self, t: Tensor) -> Tensor:
        """t: the noise's own standard deviation. What the data add to it is left out, as in the published sampler, but
        for ``prior_data``."""
        return (t**2 + self.prior_data**2).sqrt() if self.prior_data else t
