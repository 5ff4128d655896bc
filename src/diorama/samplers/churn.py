"""Noise that is stirred in on the way: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, algorithm 2."""

from __future__ import annotations

import math
from typing import Protocol

from torch import Tensor


class Churn(Protocol):
    """Settings of samplers that stir noise in; see :class:`~diorama.samplers.heun.HeunConfig`."""

    @property
    def churn(self) -> float: ...
    @property
    def churn_low(self) -> float: ...
    @property
    def churn_high(self) -> float: ...


def raised_by(ratio: Tensor, steps: int, config: Churn) -> float:
    """gamma, the share by which a ratio sigma / alpha is raised; 0 where nothing is stirred in.

    Args:
        ratio: of the level, shape ().
        steps: of the whole way.
        config: how much, and between which ratios.
    """
    if config.churn <= 0 or not config.churn_low <= ratio <= config.churn_high or not ratio.isfinite():
        return 0.0
    return min(config.churn / steps, math.sqrt(2) - 1)
