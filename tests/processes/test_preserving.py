"""The variance-preserving process in continuous time."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.subpreserving import SubPreservingProcess


def test_variance_is_kept() -> None:
    level = PreservingProcess().at(torch.linspace(0, 1, 11, dtype=torch.float64))
    torch.testing.assert_close(level.alpha**2 + level.sigma**2, torch.ones(11, dtype=torch.float64))


def test_ddpm_is_its_thousand_steps() -> None:
    share = torch.linspace(0.1, 1, 10, dtype=torch.float64)
    continuous, steps = PreservingProcess().at(share), DiscreteProcess().at(1000 * share)
    torch.testing.assert_close(continuous.alpha, steps.alpha, rtol=0.05, atol=1e-3)


def test_small_times_keep_their_digits() -> None:
    process, t = PreservingProcess(), torch.tensor([1e-9], dtype=torch.float64)
    level = process.at(t)
    torch.testing.assert_close(process.time_of(level.sigma / level.alpha), t, rtol=1e-12, atol=0)


@settings(deadline=None)
@given(low=st.floats(1e-3, 0.1), high=st.floats(5.0, 500.0), first=st.floats(1e-3, 0.1))
def test_a_process_is_fitted_to_two_levels(low: float, high: float, first: float) -> None:
    # The rate of the process grows: what is left of the way to the last level takes more than its share of time.
    assume(math.log1p(high**2) > 1.01 * math.log1p(low**2) / first)
    process = PreservingProcess.between(low, high, first)
    level = process.at(torch.tensor([first, 1.0], dtype=torch.float64))
    torch.testing.assert_close(
        level.sigma / level.alpha, torch.tensor([low, high], dtype=torch.float64), rtol=1e-6, atol=0
    )


def test_the_papers_levels_are_those_of_its_rates() -> None:
    level = PreservingProcess().at(torch.tensor([1e-3, 1.0], dtype=torch.float64))
    fitted = PreservingProcess.between(*(level.sigma / level.alpha).tolist(), first=1e-3)
    assert (fitted.beta_min, fitted.beta_growth) == pytest.approx((0.1, 19.9))


def test_a_rate_below_nothing_leaves_data_clean() -> None:
    process = PreservingProcess.between(0.002, 80, 1e-3)
    assert process.beta_min < 0
    level = process.at(torch.linspace(0, 5e-4, 11, dtype=torch.float64))
    assert (level.sigma == 0).all()
    assert (level.alpha == 1).all()
    t = torch.tensor([1e-3, 0.1, 1], dtype=torch.float64)
    level = process.at(t)
    torch.testing.assert_close(process.time_of(level.sigma / level.alpha), t)


@pytest.mark.parametrize("wrong", [{"beta_min": -10.0}, {"beta_growth": -1.0}, {"beta_growth": float("inf")}])
def test_impossible_rates_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PreservingProcess(**wrong)


def test_levels_that_no_process_has_are_refused() -> None:
    with pytest.raises(ValueError, match="low < high"):
        PreservingProcess.between(2.0, 1.0)
    with pytest.raises(ValueError, match="beta_growth: must be positive"):
        PreservingProcess.between(0.5, 1.0, first=1e-3)


@given(low=st.floats(1e-3, 0.1), high=st.floats(5.0, 500.0))
def test_a_process_with_less_noise_is_fitted_too(low: float, high: float) -> None:
    process = SubPreservingProcess.between(low, high, 0.1)
    level = process.at(torch.tensor([0.1, 1.0], dtype=torch.float64))
    torch.testing.assert_close((level.sigma / level.alpha).tolist(), [low, high], rtol=1e-6, atol=0)
