"""Data whose best denoiser is known: independent normal pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction

MEAN, DEVIATION = 0.4, 0.5


def best(x: Tensor, level: Level) -> Prediction:
    """E[clean | x] for pixels of N(MEAN, DEVIATION²)."""
    alpha, sigma = level.alpha, level.sigma
    gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
    return Prediction(MEAN + gain * (x - alpha * MEAN))


class Draws:
    """Draws that remember at which steps they were asked for."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.asked: list[int] = []

    def __call__(self, i: int, k: int = 0) -> Tensor:
        self.asked.append(i)
        return torch.randn(self.shape, generator=torch.Generator().manual_seed(1_000 * k + i))
