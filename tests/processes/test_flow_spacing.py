"""Times of flows as published models choose them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.processes.curves import Curve
from diorama.processes.flow import FlowProcess
from diorama.processes.flow_spacing import FlowSpacing, SizedShift
from diorama.processes.spacing import UniformSpacing

FLOW = FlowProcess()


@given(
    shift=st.floats(0.2, 6),
    stretched_to=st.none() | st.floats(0.01, 0.1),
    curve=st.sampled_from(["times", "karras", "exponential", "beta"]),
    count=st.integers(2, 20),
)
def test_times_fall_from_noise_to_data(shift: float, stretched_to: float | None, curve: Curve, count: int) -> None:
    times = FlowSpacing(shift=shift, stretched_to=stretched_to, curve=curve).times(FLOW, count)
    assert times.shape == (count + 1,)
    assert times[0].item() == pytest.approx(1)
    assert (times.diff() < 0).all()
    assert times[-1] == 0
    if stretched_to is not None:
        assert times[-2].item() == pytest.approx(stretched_to)


def test_chosen_times_are_shifted_like_even_ones() -> None:
    even = UniformSpacing(shift=3.0).times(FLOW, 4)
    chosen = FlowSpacing(shift=3.0, chosen=(1.0, 0.75, 0.5, 0.25))
    torch.testing.assert_close(chosen.times(FLOW, 4), even)
    with pytest.raises(ValueError, match="4 times are chosen, got 5"):
        chosen.times(FLOW, 5)


def test_a_shift_grows_with_the_size() -> None:
    sized = SizedShift()
    assert [sized.mu(places) for places in (256, 4096)] == pytest.approx([0.5, 1.15])
    assert sized.shift(0.9) == pytest.approx(math.exp(0.9))
    assert SizedShift(kind="linear").shift(0.9) == 0.9
    spacing = FlowSpacing(sized=sized, low=0.01)
    assert spacing.at_size(256) == FlowSpacing(shift=math.exp(0.5), low=0.01)
    assert FlowSpacing(shift=2.0).at_size(256) == FlowSpacing(shift=2.0)
    with pytest.raises(ValueError, match="at_size"):
        spacing.times(FLOW, 4)


def test_one_time_alone_cannot_be_stretched() -> None:
    with pytest.raises(ValueError, match="stretched_to"):
        FlowSpacing(stretched_to=0.02).times(FLOW, 1)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"low": 0.0}, "low"),
        ({"shift": 0.0}, "shift"),
        ({"stretched_to": 1.0}, "stretched_to"),
        ({"chosen": (1.0, 0.0)}, "chosen"),
        ({"chosen": (0.2, 0.9)}, "must fall"),
    ],
)
def test_impossible_times_are_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        FlowSpacing(**wrong)  # type: ignore[arg-type]


def test_a_line_needs_two_sizes() -> None:
    with pytest.raises(ValueError, match="low_places"):
        SizedShift(low_places=256, high_places=256)
