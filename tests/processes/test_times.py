"""At which times training looks."""

from __future__ import annotations

import pytest
import torch

from diorama.core.config import encode
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.times import (
    KarrasTimes,
    LogitNormalTimes,
    LogNormalTimes,
    LogUniformTimes,
    StepTimes,
    TimeDraw,
    UniformTimes,
)

CPU = torch.device("cpu")


def test_the_earliest_time_is_written_only_where_there_is_one() -> None:
    assert "low" not in encode(UniformTimes())
    assert encode(UniformTimes(low=0.1))["low"] == 0.1


def test_steps_are_all_and_only_those_of_the_process() -> None:
    torch.manual_seed(0)
    assert set(StepTimes().draw(DiscreteProcess(steps=7), 400, CPU).tolist()) == set(range(1, 8))


@pytest.mark.parametrize("batch", [7, 14])
def test_spread_steps_fill_every_part_of_the_process(batch: int) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        times = StepTimes(spread=True).draw(DiscreteProcess(steps=7), batch, CPU)
        assert times.sort().values.tolist() == sorted(list(range(1, 8)) * (batch // 7))


@pytest.mark.parametrize("spread", [False, True])
def test_uniform_times_are_uniform_and_never_clean_data(spread: bool) -> None:
    torch.manual_seed(0)
    times = UniformTimes(spread=spread).draw(FlowProcess(), 4000, CPU)
    assert 0 < times.min() <= times.max() <= 1
    assert times.mean().item() == pytest.approx(0.5, abs=0.02)


def test_log_normal_times_are_noise_levels() -> None:
    torch.manual_seed(0)
    process = ExplodingProcess()
    logs = process.at(LogNormalTimes().draw(process, 20_000, CPU)).sigma.log()
    assert (logs.mean().item(), logs.std().item()) == pytest.approx((-1.2, 1.2), abs=0.03)


def test_uniform_times_may_leave_out_the_earliest() -> None:
    torch.manual_seed(0)
    times = UniformTimes(low=0.6).draw(FlowProcess(), 4000, CPU)
    assert 0.6 < times.min() <= times.max() <= 1
    assert times.mean().item() == pytest.approx(0.8, abs=0.01)


def test_log_uniform_times_are_noise_levels_of_every_size() -> None:
    torch.manual_seed(0)
    process = ExplodingProcess()
    logs = process.at(LogUniformTimes(low=0.1, high=10.0).draw(process, 20_000, CPU)).sigma.log10()
    assert -1 <= logs.min() < -0.99
    assert 0.99 < logs.max() <= 1
    assert (logs.mean().item(), logs.std().item()) == pytest.approx((0, 2 / 12**0.5), abs=0.02)


@pytest.mark.parametrize("wrong", [{"low": 0.0}, {"low": 100.0}, {"high": float("inf")}])
def test_impossible_ranges_of_levels_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="0 < low < high"):
        LogUniformTimes(**wrong)
    with pytest.raises(ValueError, match="low must be in"):
        UniformTimes(low=1.0)


def test_logit_normal_times_crowd_in_the_middle() -> None:
    torch.manual_seed(0)
    logits = LogitNormalTimes(mean=0.5, deviation=0.7).draw(FlowProcess(), 20_000, CPU).logit()
    assert (logits.mean().item(), logits.std().item()) == pytest.approx((0.5, 0.7), abs=0.02)


def test_steps_of_a_process_that_has_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^times: draws steps of a discrete process"):
        StepTimes().draw(FlowProcess(), 4, CPU)


def test_karras_times_fill_the_spacing_evenly() -> None:
    torch.manual_seed(0)
    times, process = KarrasTimes(low=0.01, high=20.0), FlowProcess()
    level = process.at(times.draw(process, 8000, CPU).double())
    edges = KarrasSpacing(low=0.01, high=20.0).ratios(9).flip(0)
    counts = torch.histogram(level.sigma / level.alpha, edges).hist
    assert counts.sum() == 8000
    assert (counts / 1000).sub(1).abs().max() < 0.1
    with pytest.raises(ValueError, match="low < high"):
        KarrasTimes(low=2.0, high=1.0)


@pytest.mark.parametrize("times", [LogNormalTimes(mean=-9.0), LogUniformTimes(low=1e-4, high=1e-3), KarrasTimes()])
def test_ratios_below_the_least_of_a_process_are_its_least_and_not_clean_data(times: TimeDraw) -> None:
    process = GeometricProcess(sigma_min=0.02, sigma_max=100.0)
    drawn = times.draw(process, 512, CPU)
    assert bool((drawn > 0).all())
    assert process.at(drawn).sigma.min().item() == pytest.approx(0.02)
