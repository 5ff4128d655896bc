"""Discrete processes and the levels that samplers walk down."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.processes.levels import BetaName, DiscreteProcessConfig, Spacing, cosine_betas, sampling_times


@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "cosine"])
@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_signal_falls_and_variance_is_kept(betas: BetaName, steps: int) -> None:
    process = DiscreteProcessConfig(steps=steps, betas=betas).build()
    assert process.signal.dtype == torch.float64
    assert (process.signal.diff() < 0).all()
    level = process.at(torch.arange(steps), 4)
    assert level.alpha.shape == (steps, 1, 1, 1)
    torch.testing.assert_close(level.alpha**2 + level.sigma**2, torch.ones(steps, 1, 1, 1))


def test_the_papers_numbers() -> None:
    process = DiscreteProcessConfig().build()
    assert process.betas[0] == 1e-4
    assert process.betas[-1] == 0.02
    assert process.signal[-1].item() == pytest.approx(4.036e-5, rel=1e-3)


def test_cosine_signal_is_a_squared_cosine() -> None:
    signal = torch.cumprod(1 - cosine_betas(100), 0)
    place = (50 / 100 + 0.008) / 1.008
    expected = math.cos(place * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert signal[49].item() == pytest.approx(expected)


@settings(deadline=None)
@given(steps=st.integers(1, 1000), data=st.data(), spacing=st.sampled_from(["leading", "trailing", "linspace"]))
def test_times_fall_within_the_process(steps: int, data: st.DataObject, spacing: Spacing) -> None:
    count = data.draw(st.integers(1, steps))
    times = sampling_times(steps, count, spacing)
    assert len(times) == count
    assert all(a > b for a, b in pairwise(times))
    assert 0 <= times[-1] <= times[0] < steps
    if spacing != "leading":
        assert times[0] == steps - 1
    if spacing != "trailing" and count > 1:
        assert times[-1] == 0


def test_descent_ends_with_clean_data() -> None:
    process = DiscreteProcessConfig(steps=20).build()
    levels = process.descent(5)
    assert len(levels) == 6
    assert [float(level.t) for level in levels[-2:]] == [3, -1]
    assert float(levels[-1].alpha) == 1
    assert float(levels[-1].sigma) == 0
    assert len(process.descent()) == 21


def test_tables_exist_even_where_weights_do_not() -> None:
    with torch.device("meta"):
        process = DiscreteProcessConfig(steps=4).build()
    assert process.alpha.device.type == "cpu"
    assert not process.state_dict()


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"first": 0.5, "last": 0.1}, {"last": 1.5}])
def test_impossible_processes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        DiscreteProcessConfig(**wrong)  # type: ignore[arg-type]


def test_more_steps_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 10"):
        sampling_times(10, 11, "trailing")
