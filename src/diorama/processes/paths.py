"""Paths between data and noise beside the straight one: other curves of alpha and sigma over t in [0, 1].

Reference for all: Y. Lipman et al., "Flow Matching Guide and Code", arXiv:2412.06264, table 2, with time reversed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Level


@dataclass(frozen=True, kw_only=True)
class PolynomialProcess:
    """``x = (1 - t)^power * clean + (1 - (1 - t)^power) * noise``; the straight path of flows has the power 1.

    Args:
        power: above 1 the data vanish early and below 1 late. Below 1 the path's slope is infinite at pure noise.
    """

    power: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.power < math.inf:
            raise ValueError(f"power must be positive and finite, got {self.power}")

    @property
    def end(self) -> float:
        """1."""
        return 1.0

    def at(self, t: Tensor) -> Level:
        """The levels of times in [0, 1]."""
        alpha = (1 - t) ** self.power
        # Written so that small times keep their digits.
        return Level(t=t, alpha=alpha, sigma=-torch.expm1(self.power * torch.log1p(-t)))

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t, which cancel."""
        slope = self.power * (1 - t) ** (self.power - 1)
        return -slope, slope

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha."""
        return -torch.expm1(-torch.log1p(ratio) / self.power)

    def prior_scale(self, t: Tensor) -> Tensor:
        """1."""
        return torch.ones_like(t)


@dataclass(frozen=True, kw_only=True)
class LinearPreservingProcess:
    """``alpha = 1 - t`` and ``sigma² = 1 - alpha²``: the signal falls evenly, and data of unit variance keep it."""

    @property
    def end(self) -> float:
        """1."""
        return 1.0

    def at(self, t: Tensor) -> Level:
        """The levels of times in [0, 1]."""
        return Level(t=t, alpha=1 - t, sigma=(t * (2 - t)).sqrt())

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t; that of sigma is infinite at clean data."""
        return -torch.ones_like(t), (1 - t) / (t * (2 - t)).sqrt()

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha."""
        # 1 - alpha for alpha = 1 / sqrt(1 + r²), written so that small ratios keep their digits.
        root = (1 + ratio**2).sqrt()
        return torch.where(ratio.isinf(), torch.ones_like(ratio), ratio**2 / (root * (root + 1)))

    def prior_scale(self, t: Tensor) -> Tensor:
        """1."""
        return torch.ones_like(t)


@dataclass(frozen=True, kw_only=True)
class CosineProcess:
    """``alpha = cos(pi t / 2)`` and ``sigma = sin(pi t / 2)``: the arc from data to noise, walked at an even pace.

    Reference: M. S. Albergo, E. Vanden-Eijnden, arXiv:2209.15571, equation 5; as "GVP" N. Ma et al.,
    arXiv:2401.08740, section 2.3.
    """

    @property
    def end(self) -> float:
        """1."""
        return 1.0

    def at(self, t: Tensor) -> Level:
        """The levels of times in [0, 1]; at 1 alpha is 0."""
        # From the nearer end, where a cosine would lose its digits and never become 0.
        return Level(t=t, alpha=(math.pi / 2 * (1 - t)).sin(), sigma=(math.pi / 2 * t).sin())

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t."""
        level = self.at(t)
        return -math.pi / 2 * level.sigma, math.pi / 2 * level.alpha

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha."""
        return 2 / math.pi * ratio.atan()

    def prior_scale(self, t: Tensor) -> Tensor:
        """1."""
        return torch.ones_like(t)
