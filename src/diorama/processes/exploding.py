"""The variance-exploding process: noise is added and the data keep their scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Level


@dataclass(frozen=True, kw_only=True)
class ExplodingProcess:
    """``x = clean + sigma * noise``: time is the noise's standard deviation, or its variance.

    Args:
        sigma_max: the largest standard deviation, beside which data of unit variance vanish.
        prior_data: standard deviation of the data that counts in what samples start with, beside that of the noise.
        time: what time is. The path of samples is the same; a sampler that walks along time is straight in it.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, table 1 (columns "Ours" and "VE").
    """

    sigma_max: float = 80.0
    prior_data: float = field(default=0.0, metadata={LATER: True})
    time: Literal["deviation", "variance"] = field(default="deviation", metadata={LATER: True})

    def __post_init__(self) -> None:
        if not self.sigma_max > 0:
            raise ValueError(f"sigma_max must be positive, got {self.sigma_max}")
        if not self.prior_data >= 0:
            raise ValueError(f"prior_data must be at least 0, got {self.prior_data}")

    @property
    def end(self) -> float:
        """The time of ``sigma_max``."""
        return self.sigma_max if self.time == "deviation" else self.sigma_max**2

    def at(self, t: Tensor) -> Level:
        """The levels of times t."""
        return Level(t=t, alpha=torch.ones_like(t), sigma=t if self.time == "deviation" else t.sqrt())

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """0, and the derivative of sigma by t; that by the variance is infinite at clean data."""
        return torch.zeros_like(t), torch.ones_like(t) if self.time == "deviation" else 0.5 * t.rsqrt()

    def time_of(self, ratio: Tensor) -> Tensor:
        """The ratio itself, or its square."""
        return ratio if self.time == "deviation" else ratio.square()

    def prior_scale(self, t: Tensor) -> Tensor:
        """Sigma: the noise's own standard deviation. What the data add to it is left out, as in the published sampler,
        but for ``prior_data``."""
        sigma = self.at(t).sigma
        return (sigma**2 + self.prior_data**2).sqrt() if self.prior_data else sigma
