"""Data whose best denoiser is known and bends: independent pixels of a mixture of three normal distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process

_MEANS = torch.tensor([-1.0, 0.3, 1.2], dtype=torch.float64)
_WEIGHTS = torch.tensor([0.3, 0.5, 0.2], dtype=torch.float64)
_DEVIATION = 0.35


def best(x: Tensor, level: Level) -> Prediction:
    """E[clean | x] (b, ...) float64."""
    alpha, sigma = level.alpha, level.sigma
    variance = alpha**2 * _DEVIATION**2 + sigma**2
    apart = x[..., None] - alpha * _MEANS
    share = torch.softmax(_WEIGHTS.log() - apart**2 / (2 * variance), -1)
    return Prediction((share * (_MEANS + alpha * _DEVIATION**2 / variance * apart)).sum(-1))


def even_logarithms(process: Process, count: int, low: float, high: float) -> Tensor:
    """Times from a ratio sigma / alpha to a lower one, whose logarithms are evenly spaced: (count + 1,)."""
    ratios = torch.linspace(math.log(high), math.log(low), count + 1, dtype=torch.float64).exp()
    return process.time_of(ratios)
