"""Levels that multistep solvers choose."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.processes.curves import Curve
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.solver_spacing import FlowSolverSpacing, SolverSpacing
from diorama.processes.spacing import Leap

PROCESS = DiscreteProcess(steps=100)


@given(
    leap=st.sampled_from(["leading", "trailing", "linspace"]),
    curve=st.sampled_from(["times", "karras", "exponential", "beta"]),
    count=st.integers(1, 40),
)
def test_levels_fall_to_clean_data(leap: Leap, curve: Curve, count: int) -> None:
    times = SolverSpacing(leap=leap, curve=curve).times(PROCESS, count)
    assert times.shape == (count + 1,)
    assert (times.diff() < 0).all()
    assert times[0] <= 100
    assert times[-1] == 0


def test_one_more_step_than_asked_for_is_placed_and_the_first_left_out() -> None:
    assert SolverSpacing().times(PROCESS, 4).tolist() == [100, 75, 51, 26, 0]
    assert SolverSpacing(leap="leading", offset=1).times(PROCESS, 4).tolist() == [82, 62, 42, 22, 0]
    assert SolverSpacing(leap="trailing").times(PROCESS, 4).tolist() == [100, 75, 50, 25, 0]


def test_later_steps_are_left_out() -> None:
    assert SolverSpacing(latest=81).times(PROCESS, 4).tolist() == [81, 61, 41, 21, 0]
    assert SolverSpacing(latest=60, leap="trailing").times(PROCESS, 4).tolist() == [60, 35, 10, 0]


def test_without_a_count_all_steps_are_visited() -> None:
    assert len(SolverSpacing().times(PROCESS, None)) == 100
    assert len(SolverSpacing(leap="trailing").times(PROCESS, None)) == 101


def test_the_last_step_ends_where_it_is_told() -> None:
    assert SolverSpacing(until="first").times(PROCESS, 4)[-1] == 1
    curve = SolverSpacing(curve="karras", low=0.1, high=0.5, until="start").times(PROCESS, 4)
    assert curve[-1] == curve[-2]
    level = PROCESS.at(curve[[0, -1]])
    torch.testing.assert_close(level.sigma / level.alpha, torch.tensor([0.5, 0.1], dtype=torch.float64))


def test_times_of_a_flow_are_even_but_for_the_shift() -> None:
    even = FlowSolverSpacing(least=0.1).times(FlowProcess(), 3)
    torch.testing.assert_close(even, torch.tensor([0.9, 0.6, 0.3, 0.0], dtype=torch.float64))
    from_noise = FlowSolverSpacing(least=0.1, begin="noise", latest=0.99, until=None).times(FlowProcess(), 3)
    torch.testing.assert_close(from_noise, torch.tensor([0.99, 0.7, 0.4, 0.4], dtype=torch.float64))
    shifted = FlowSolverSpacing(least=0.1, shift=3.0, until=0.05).times(FlowProcess(), 3)
    torch.testing.assert_close(shifted[-2:], torch.tensor([0.9 / 1.6, 0.05], dtype=torch.float64))
    stretched = FlowSolverSpacing(least=0.1, begin="noise", stretched_to=0.2).times(FlowProcess(), 3)
    torch.testing.assert_close(stretched[[0, -2]], torch.tensor([1.0, 0.2], dtype=torch.float64))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"offset": -1}, "offset"),
        ({"latest": 0}, "latest"),
        ({"low": 2.0, "high": 1.0}, "0 < low < high"),
        ({"low": 0.0}, "0 < low < high"),
    ],
)
def test_impossible_levels_are_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        SolverSpacing(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"least": 0.0}, {"shift": 0.0}, {"stretched_to": 1.0}, {"latest": 1.5}, {"until": -0.5}]
)
def test_impossible_times_of_flows_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FlowSolverSpacing(**wrong)  # type: ignore[arg-type]


def test_what_does_not_fit_the_process_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^spacing: visits steps of a discrete process"):
        SolverSpacing().times(FlowProcess(), 4)
    with pytest.raises(ValueError, match="those of a flow, and this model's process is not a flow"):
        FlowSolverSpacing().times(PROCESS, 4)
    with pytest.raises(ValueError, match="between 1 and 99"):
        SolverSpacing().times(PROCESS, 100)
    with pytest.raises(ValueError, match="offset: step 103 is visited"):
        SolverSpacing(leap="leading", offset=3).times(PROCESS, 99)
    with pytest.raises(ValueError, match="high: the process goes up to"):
        SolverSpacing(curve="karras", high=1e6).times(PROCESS, 4)
    with pytest.raises(ValueError, match="stretched_to: the first time alone"):
        FlowSolverSpacing(begin="noise", stretched_to=0.1).times(FlowProcess(), 1)
    with pytest.raises(ValueError, match="until"):
        FlowSolverSpacing(until=0.9).times(FlowProcess(), 4)
