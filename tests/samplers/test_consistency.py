"""Samples of consistency models."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction, Process
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, UniformSpacing
from diorama.samplers.consistency import ConsistencyConfig
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws

START = torch.randn(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def perfect(x: Tensor, level: Level) -> Prediction:
    """Where the path through x ends, for pixels of N(MEAN, DEVIATION²)."""
    deviation = (level.alpha**2 * DEVIATION**2 + level.sigma**2).sqrt()
    return Prediction(MEAN + DEVIATION / deviation * (x - level.alpha * MEAN))


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("process", [ExplodingProcess(), FlowProcess()])
def test_a_perfect_model_draws_the_data_in_any_number_of_steps(process: Process, steps: int) -> None:
    spacing = KarrasSpacing() if isinstance(process, ExplodingProcess) else UniformSpacing()
    times, draws = spacing.times(process, steps), Draws(START.shape)
    *_, last = ConsistencyConfig().run(perfect, times[0] * START, process, times, draws)
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.02)
    assert draws.asked == list(range(steps - 1))


def test_noise_that_is_left_is_not_drawn_again() -> None:
    process = ExplodingProcess()
    times = torch.tensor([80.0, 0.5], dtype=torch.float64)
    draws = Draws(START.shape)
    (stage,) = ConsistencyConfig(sigma_min=0.3).run(perfect, 80 * START, process, times, draws)
    assert stage.clean is not None
    torch.testing.assert_close(stage.x - stage.clean, 0.4 * draws(0).double(), rtol=1e-5, atol=1e-5)
    (clean,) = ConsistencyConfig(sigma_min=0.5).run(perfect, START, process, times, draws)
    assert clean.clean is not None
    assert torch.equal(clean.x, clean.clean)
    assert draws.asked == [0, 0]
