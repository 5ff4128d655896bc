"""The midpoint method in the logarithm of the ratio."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, UniformSpacing
from diorama.samplers.kdpm2 import KDPM2Config
from tests.samplers.gaussian_data import DEVIATION, MEAN, Draws, best
from tests.samplers.ways import BETWEEN_RATIOS, error


def test_error_falls_with_the_square_of_the_steps() -> None:
    errors = [error(KDPM2Config(), BETWEEN_RATIOS, steps) for steps in (16, 32, 64)]
    assert 3.5 < errors[0] / errors[1] < 4.5
    assert 3.5 < errors[1] / errors[2] < 4.5


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_have_the_datas_moments(eta: float) -> None:
    process, draws = ExplodingProcess(), Draws((20_000,))
    times = KarrasSpacing().times(process, 100)
    start = 80 * torch.randn(20_000, generator=torch.Generator().manual_seed(1))
    *_, last = KDPM2Config(eta=eta).run(best, start, process, times, draws)
    assert last.x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert last.x.std().item() == pytest.approx(DEVIATION, rel=0.03)
    assert draws.asked == (list(range(99)) if eta else [])


def test_the_middle_is_that_of_the_logarithms() -> None:
    asked: list[float] = []

    def counting(x: Tensor, level: Level) -> Prediction:
        asked.append(float(level.sigma))
        return best(x, level)

    times = torch.tensor([8.0, 2.0, 0.5, 0.0], dtype=torch.float64)
    list(KDPM2Config().run(counting, torch.randn(3), ExplodingProcess(), times, Draws((3,))))
    assert asked == pytest.approx([8, 4, 2, 1, 0.5])


def test_whole_times_are_told_at_the_levels_that_are_visited_alone() -> None:
    asked: list[float] = []

    def counting(x: Tensor, level: Level) -> Prediction:
        asked.append(float(level.t))
        return best(x, level)

    times = torch.tensor([80.3, 20.8, 0.0], dtype=torch.float64)
    list(KDPM2Config(whole_times=True).run(counting, torch.randn(3), DiscreteProcess(steps=100), times, Draws((3,))))
    assert asked[0] == 80
    assert asked[1] != round(asked[1])
    assert asked[2] == 21


def test_some_signal_must_be_left_at_the_start() -> None:
    process = FlowProcess()
    with pytest.raises(ValueError, match="no signal"):
        list(KDPM2Config().run(best, torch.randn(3), process, UniformSpacing().times(process, 4), Draws((3,))))


def test_an_impossible_eta_is_refused() -> None:
    with pytest.raises(ValueError, match="eta"):
        KDPM2Config(eta=1.5)
