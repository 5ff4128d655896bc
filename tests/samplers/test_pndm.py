"""Pseudo linear multistep sampling."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.pndm import PNDMConfig
from tests.samplers.gaussian_data import Draws, best
from tests.samplers.ways import EvenTimes, error

WAY = (PreservingProcess(beta_growth=5.0), EvenTimes())


@pytest.mark.parametrize("config", [PNDMConfig(), PNDMConfig(warm_up="runge_kutta")])
def test_error_falls_with_the_square_of_the_steps(config: PNDMConfig) -> None:
    """As the paper proves, whatever the order of its weights."""
    errors = [error(config, WAY, steps) for steps in (32, 64, 128)]
    assert 3.5 < errors[0] / errors[1] < 4.6
    assert 3.5 < errors[1] / errors[2] < 4.6


def test_sums_of_velocities_are_of_first_order() -> None:
    errors = [error(PNDMConfig(combined="velocity"), WAY, steps) for steps in (64, 128)]
    assert 1.8 < errors[0] / errors[1] < 2.2


@pytest.mark.parametrize("config", [PNDMConfig(), PNDMConfig(warm_up="runge_kutta", even=True)])
def test_where_the_noise_stays_the_same_it_is_ddim(config: PNDMConfig) -> None:
    process, start = DiscreteProcess(steps=100), torch.randn(5, dtype=torch.float64)
    times = StepSpacing(leap="leading").times(process, 6)

    def fixed(x: Tensor, level: Level) -> Prediction:
        return Prediction((x - level.sigma * start) / level.alpha)

    first, second = (list(c.run(fixed, start, process, times, Draws((5,)))) for c in (config, DDIMConfig()))
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.x, other.x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("config", "calls"), [(PNDMConfig(), 8), (PNDMConfig(warm_up="runge_kutta"), 16)])
def test_only_the_first_steps_look_more_than_once(config: PNDMConfig, calls: int) -> None:
    asked: list[float] = []

    def counting(x: Tensor, level: Level) -> Prediction:
        asked.append(float(level.t))
        return best(x, level)

    draws = Draws((3,))
    times = KarrasSpacing().times(ExplodingProcess(), 7)
    assert len(list(config.run(counting, torch.randn(3), ExplodingProcess(), times, draws))) == 7
    assert len(asked) == calls
    assert not draws.asked


def test_a_single_step_is_ddims() -> None:
    process, start = DiscreteProcess(steps=100), torch.randn(5, dtype=torch.float64)
    times = StepSpacing().times(process, 1)
    first, second = (list(c.run(best, start, process, times, Draws((5,)))) for c in (PNDMConfig(), DDIMConfig()))
    torch.testing.assert_close(first[0].x, second[0].x)


def test_runge_kutta_steps_need_a_step_after_them() -> None:
    times = KarrasSpacing().times(ExplodingProcess(), 3)
    with pytest.raises(ValueError, match="at least four steps in all, got 3"):
        list(PNDMConfig(warm_up="runge_kutta").run(best, torch.randn(3), ExplodingProcess(), times, Draws((3,))))


def test_some_signal_must_be_left_at_the_start() -> None:
    times = UniformSpacing().times(FlowProcess(), 4)
    with pytest.raises(ValueError, match="no signal is left"):
        list(PNDMConfig().run(best, torch.randn(3), FlowProcess(), times, Draws((3,))))
    draws = Draws((3,))
    *_, last = PNDMConfig(combined="velocity").run(best, torch.randn(3), FlowProcess(), times, draws)
    assert last.x.isfinite().all()


def test_even_steps_are_those_of_a_discrete_process() -> None:
    times = KarrasSpacing().times(ExplodingProcess(), 3)
    with pytest.raises(ValueError, match="pndm with even steps counts steps"):
        list(PNDMConfig(even=True).run(best, torch.randn(3), ExplodingProcess(), times, Draws((3,))))
