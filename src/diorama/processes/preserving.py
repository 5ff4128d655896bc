"""The variance-preserving process in continuous time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Level


@dataclass(frozen=True, kw_only=True)
class PreservingProcess:
    """Data of unit variance keep it, while noise takes their place at a rate that grows linearly, for t in [0, 1].

    ``alpha² = exp(-(beta_growth t² / 2 + beta_min t))`` and ``sigma² = 1 - alpha²``.

    Args:
        beta_min: the rate at time 0. It may be somewhat below 0 where it was fitted (:meth:`between`): as long as
            noise would go below none, data are clean.
        beta_growth: how much larger it is at time 1.

    Reference: Y. Song et al., arXiv:2011.13456, equation 32; written with sigma / alpha by T. Karras, M. Aittala,
    T. Aila, S. Laine, arXiv:2206.00364, table 1 (column "VP").
    """

    beta_min: float = 0.1
    beta_growth: float = 19.9

    def __post_init__(self) -> None:
        if not 0 < self.beta_growth < math.inf:
            raise ValueError(f"beta_growth: must be positive and finite, got {self.beta_growth}")
        if not -self.beta_growth / 2 < self.beta_min < math.inf:
            raise ValueError(f"beta_min: must be finite, and above -beta_growth / 2, got {self.beta_min}")

    @classmethod
    def between(cls, low: float, high: float, first: float = 1e-3) -> PreservingProcess:
        """The process whose sigma / alpha is ``low`` at time ``first`` and ``high`` at time 1.

        Args:
            low: ratio at the first time.
            high: ratio at the last time.
            first: that time, in (0, 1).

        Raises:
            ValueError: the rate of no such process grows.

        Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, appendix C.1.1, epsilon_s.
        """
        if not (0 < low < high < math.inf and 0 < first < 1):
            raise ValueError(f"0 < low < high and 0 < first < 1 must hold, got low={low} high={high} first={first}")
        start, end = math.log1p(low**2), math.log1p(high**2)
        growth = 2 * (end - start / first) / (1 - first)
        return cls(beta_min=end - growth / 2, beta_growth=growth)

    @property
    def end(self) -> float:
        """1."""
        return 1.0

    def at(self, t: Tensor) -> Level:
        """The levels of times t."""
        exponent = self._exponent(t)
        return Level(t=t, alpha=(-exponent / 2).exp(), sigma=(-torch.expm1(-exponent)).sqrt())

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t; that of sigma is infinite at clean data."""
        level, rate = self.at(t), self._rate(t)
        return -rate / 2 * level.alpha, rate / 2 * level.alpha**2 / level.sigma

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha."""
        return self._time(torch.log1p(ratio**2))

    def prior_scale(self, t: Tensor) -> Tensor:
        """1: the process keeps the variance."""
        return torch.ones_like(t)

    def _rate(self, t: Tensor) -> Tensor:
        """beta."""
        return self.beta_min + self.beta_growth * t

    def _exponent(self, t: Tensor) -> Tensor:
        """The integral of beta, minus twice the logarithm of alpha."""
        exponent = self.beta_growth * t**2 / 2 + self.beta_min * t
        return exponent if self.beta_min >= 0 else exponent.clamp(min=0)

    def _time(self, exponent: Tensor) -> Tensor:
        """The inverse of :meth:`_exponent`."""
        root = (self.beta_min**2 + 2 * self.beta_growth * exponent).sqrt()
        # The root of the quadratic equation, written so that small times keep their digits.
        if self.beta_min >= 0:
            return 2 * exponent / (root + self.beta_min)
        return (root - self.beta_min) / self.beta_growth
