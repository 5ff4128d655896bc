"""At which times training looks."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.times import LogitNormalTimes, LogNormalTimes, StepTimes, UniformTimes

CPU = torch.device("cpu")


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


def test_logit_normal_times_crowd_in_the_middle() -> None:
    torch.manual_seed(0)
    logits = LogitNormalTimes(mean=0.5, deviation=0.7).draw(FlowProcess(), 20_000, CPU).logit()
    assert (logits.mean().item(), logits.std().item()) == pytest.approx((0.5, 0.7), abs=0.02)


def test_steps_of_a_process_that_has_none_are_refused() -> None:
    with pytest.raises(ValueError, match="FlowProcess has none"):
        StepTimes().draw(FlowProcess(), 4, CPU)
