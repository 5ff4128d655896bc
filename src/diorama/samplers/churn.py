"""Noise that is stirred in on the way: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 2."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ChurnConfig:
    """How much noise is stirred in, and where; the defaults stir in none.

    Args:
        churn: how much noise is stirred in over the whole way, S_churn.
        churn_low: sigma / alpha below which none is, S_tmin.
        churn_high: sigma / alpha above which none is, S_tmax.
        churn_scale: of that noise's standard deviation, S_noise.
    """

    churn: float = 0.0
    churn_low: float = 0.0
    churn_high: float = math.inf
    churn_scale: float = 1.0

    def raised_by(self, ratio: Tensor, steps: int) -> float:
        """gamma, the share by which a ratio sigma / alpha is raised; 0 where nothing is stirred in.

        Args:
            ratio: of the level, shape ().
            steps: of the whole way.
        """
        if self.churn <= 0 or not self.churn_low <= ratio <= self.churn_high or not ratio.isfinite():
            return 0.0
        return min(self.churn / steps, math.sqrt(2) - 1)
