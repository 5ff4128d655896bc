"""How far samplers end from the exact end of the probability-flow path of normal data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Level, Process
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.spacing import KarrasSpacing, Spacing
from diorama.samplers.catalog import AnySampler
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best

STARTS = torch.linspace(-2, 2, 9, dtype=torch.float64)
BETWEEN_RATIOS: tuple[Process, Spacing] = (
    ExplodingProcess(sigma_max=10.0),
    KarrasSpacing(low=0.1, high=10.0, until="low"),
)
"""A way that ends with some noise left, so that no step to clean data hides the order of the others."""


@dataclass(frozen=True)
class EvenTimes:
    """Evenly spaced times from 1 to a little above data."""

    def times(self, process: Process, count: int | None) -> Tensor:
        """(count + 1,)."""
        assert count is not None
        return torch.linspace(1, 0.05, count + 1, dtype=torch.float64)


def error(sampler: AnySampler, way: tuple[Process, Spacing], steps: int) -> float:
    """The largest distance from the exact end."""
    process, spacing = way
    times = spacing.times(process, steps)
    first, end = process.at(times[0]), process.at(times[-1])
    x = process.prior_scale(times[0]) * STARTS
    *_, last = sampler.run(best, x, process, times, Draws((9,)))
    exact = end.alpha * MEAN + _deviation(end) / _deviation(first) * (x - first.alpha * MEAN)
    return float((last.x - exact).abs().max())


def _deviation(level: Level) -> Tensor:
    return ((level.alpha * DEVIATION) ** 2 + level.sigma**2).sqrt()
