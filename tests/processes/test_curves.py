"""Levels that solvers choose."""

from __future__ import annotations

import pytest
import torch

from diorama.processes.curves import Curve, CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess

PROCESS = DiscreteProcess(steps=100)


@pytest.mark.parametrize("curve", ["times", "karras", "exponential", "beta"])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_levels_fall_from_the_last_step_to_clean_data(curve: Curve, count: int) -> None:
    times = CurveSpacing(curve=curve).times(PROCESS, count)
    assert times.shape == (count + 1,)
    assert (times.diff() < 0).all()
    assert times[0].item() == pytest.approx(100)
    assert times[-1] == 0


def test_even_times_need_not_be_whole() -> None:
    assert CurveSpacing().times(PROCESS, 5).tolist() == [100, 75.25, 50.5, 25.75, 1, 0]
    assert CurveSpacing(leap="leading", offset=1).times(PROCESS, 4).tolist() == [77, 52, 27, 2, 0]


def test_the_last_step_may_end_at_the_first_step() -> None:
    assert CurveSpacing(until="first").times(PROCESS, 5)[-1] == 1
    times = CurveSpacing(curve="karras", until="first").times(PROCESS, 5)
    torch.testing.assert_close(times[-2:], torch.ones(2, dtype=torch.float64))


def test_a_curve_from_beyond_the_process_is_refused() -> None:
    with pytest.raises(ValueError, match=r"up to a ratio of 1\.32"):
        CurveSpacing(curve="karras", high=2.0).times(PROCESS, 5)


def test_curves_end_where_they_are_told() -> None:
    times = CurveSpacing(curve="exponential", low=0.1, high=0.4).times(PROCESS, 3)[:-1]
    level = PROCESS.at(times)
    torch.testing.assert_close(level.sigma / level.alpha, torch.tensor([0.4, 0.2, 0.1], dtype=torch.float64))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"offset": -1}, "offset"), ({"low": 2.0, "high": 1.0}, "0 < low < high"), ({"low": -1.0}, "0 < low < high")],
)
def test_impossible_curves_are_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        CurveSpacing(**wrong)  # type: ignore[arg-type]


def test_what_does_not_fit_the_process_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^spacing: visits steps of a discrete process"):
        CurveSpacing().times(FlowProcess(), 4)
    with pytest.raises(ValueError, match="between 1 and 100"):
        CurveSpacing().times(PROCESS, 101)
    with pytest.raises(ValueError, match="offset: step 103 is visited"):
        CurveSpacing(leap="leading", offset=3).times(PROCESS, 100)
