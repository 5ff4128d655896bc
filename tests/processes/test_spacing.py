"""Which levels are visited."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import KarrasSpacing, Leap, StepSpacing, UniformSpacing, whole_steps


@settings(deadline=None)
@given(steps=st.integers(1, 1000), data=st.data(), leap=st.sampled_from(["leading", "trailing", "linspace"]))
def test_steps_fall_within_the_process(steps: int, data: st.DataObject, leap: Leap) -> None:
    count = data.draw(st.integers(1, steps))
    times = whole_steps(steps, count, leap)
    assert len(times) == count
    assert all(a > b for a, b in pairwise(times))
    assert 1 <= times[-1] <= times[0] <= steps
    if leap != "leading":
        assert times[0] == steps
    if leap != "trailing" and count > 1:
        assert times[-1] == 1


def test_steps_end_with_clean_data() -> None:
    assert StepSpacing().times(DiscreteProcess(steps=20), 5).tolist() == [20, 16, 12, 8, 4, 0]
    assert len(StepSpacing().times(DiscreteProcess(steps=20), None)) == 21


def test_the_first_visited_step_may_be_later_and_the_last_may_end_at_the_first() -> None:
    spacing = StepSpacing(leap="leading", offset=1, until="first")
    assert spacing.times(DiscreteProcess(steps=20), 5).tolist() == [18, 14, 10, 6, 2, 1]
    with pytest.raises(ValueError, match="offset: step 21 is visited"):
        spacing.times(DiscreteProcess(steps=20), 20)
    with pytest.raises(ValueError, match="offset must be at least 0"):
        StepSpacing(offset=-1)


def test_karras_levels_are_the_papers() -> None:
    # The published sampler's levels for 18 steps: the first, the second and the last but one.
    times = KarrasSpacing().times(ExplodingProcess(), 18)
    assert len(times) == 19
    assert times[0].item() == pytest.approx(80)
    assert times[1].item() == pytest.approx(57.586, abs=1e-3)
    assert times[-2].item() == pytest.approx(0.002)
    assert times[-1] == 0


def test_karras_levels_may_end_with_noise_left() -> None:
    process = ExplodingProcess()
    down, staying = (KarrasSpacing(until=until).times(process, 4) for until in ("low", "start"))
    torch.testing.assert_close(down, KarrasSpacing().times(process, 5)[:-1])
    torch.testing.assert_close(staying[:-1], KarrasSpacing().times(process, 4)[:-1])
    assert staying[-1] == staying[-2]


def test_karras_levels_become_a_geometric_series() -> None:
    limit = KarrasSpacing(low=0.01, high=100.0, rho=float("inf")).ratios(5)
    assert limit.tolist() == pytest.approx([100, 10, 1, 0.1, 0.01])
    torch.testing.assert_close(KarrasSpacing(low=0.01, high=100.0, rho=1e6).ratios(5), limit, rtol=1e-4, atol=0)


def test_karras_levels_are_ratios_of_any_process() -> None:
    process = DiscreteProcess()
    times = KarrasSpacing(low=0.03, high=100).times(process, 10)
    level = process.at(times[:-1])
    expected = KarrasSpacing(low=0.03, high=100).times(ExplodingProcess(sigma_max=100), 10)[:-1]
    torch.testing.assert_close(level.sigma / level.alpha, expected)


def test_shifted_times_of_a_flow_lean_towards_noise() -> None:
    plain, shifted = (UniformSpacing(shift=s).times(FlowProcess(), 4) for s in (1.0, 3.0))
    assert plain.tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert shifted.tolist() == pytest.approx([1, 0.9, 0.75, 0.5, 0])


@pytest.mark.parametrize("count", [0, 11])
def test_more_or_fewer_steps_than_there_are_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 10"):
        StepSpacing().times(DiscreteProcess(steps=10), count)


def test_a_spacing_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^spacing: visits steps of a discrete process"):
        StepSpacing().times(FlowProcess(), 4)
    for spacing in (KarrasSpacing(), UniformSpacing()):
        with pytest.raises(ValueError, match="number of steps"):
            spacing.times(FlowProcess(), None)


@pytest.mark.parametrize("wrong", [{"low": 0.0}, {"low": 5.0, "high": 1.0}, {"rho": 0.0}])
def test_impossible_levels_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        KarrasSpacing(**wrong)
