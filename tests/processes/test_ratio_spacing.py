"""Levels that are named one by one."""

from __future__ import annotations

import pytest
import torch

from diorama.core.contracts import Process
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.ratio_spacing import RatioSpacing

SPACING = RatioSpacing(ratios=(2.5, 0.5))


@pytest.mark.parametrize("process", [ExplodingProcess(), FlowProcess(), DiscreteProcess()])
@pytest.mark.parametrize("count", [None, 1, 2])
def test_the_named_levels_are_visited_and_then_clean_data(process: Process, count: int | None) -> None:
    times = SPACING.times(process, count)
    assert times.dtype == torch.float64
    assert times[-1] == 0
    level = process.at(times[:-1])
    assert (level.sigma / level.alpha).tolist() == pytest.approx([2.5, 0.5][: count or 2])


@pytest.mark.parametrize("count", [0, 3])
def test_other_levels_than_the_named_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"trained at 2 levels, so it draws in no more steps, got {count}"):
        SPACING.times(FlowProcess(), count)


@pytest.mark.parametrize("ratios", [(), (0.0,), (1.0, 1.0), (1.0, 2.0), (float("inf"), 1.0)])
def test_ratios_are_positive_and_fall(ratios: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ratios: must be positive, finite and fall"):
        RatioSpacing(ratios=ratios)
