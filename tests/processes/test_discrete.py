"""Processes of discrete steps, at whole times and between them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.config import encode
from diorama.processes.discrete import BetaName, DiscreteProcess, cosine_betas


def test_what_the_cosine_gained_is_written_only_where_it_is_not_as_before() -> None:
    """Hashes of older models and the identity of older runs stay."""
    assert not {"offset", "largest"} & set(encode(DiscreteProcess(betas="cosine")))
    assert encode(DiscreteProcess(betas="cosine", offset=0.01))["offset"] == 0.01


@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_signal_falls_and_variance_is_kept(betas: BetaName, steps: int) -> None:
    process = DiscreteProcess(steps=steps, betas=betas)
    level = process.at(torch.arange(steps + 1))
    assert level.alpha.dtype == torch.float32
    assert (level.alpha.diff() < 0).all()
    torch.testing.assert_close(level.alpha**2 + level.sigma**2, torch.ones(steps + 1))


def test_time_zero_is_clean_data() -> None:
    for t in (torch.tensor(0), torch.tensor(0.0), torch.tensor(0.0, dtype=torch.float64)):
        level = DiscreteProcess().at(t)
        assert (float(level.alpha), float(level.sigma)) == (1, 0)


def test_the_papers_numbers() -> None:
    process = DiscreteProcess()
    assert process.variances[0] == 1e-4
    assert process.variances[-1] == 0.02
    last = process.at(torch.tensor(1000.0, dtype=torch.float64))
    assert float(last.alpha) ** 2 == pytest.approx(4.036e-5, rel=1e-3)


def test_cosine_signal_is_a_squared_cosine() -> None:
    signal = torch.cumprod(1 - cosine_betas(100), 0)
    place = (50 / 100 + 0.008) / 1.008
    expected = math.cos(place * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert signal[49].item() == pytest.approx(expected)


@pytest.mark.parametrize("betas", ["linear", "cosine"])
def test_whole_times_are_the_same_as_integers_and_as_reals(betas: BetaName) -> None:
    process = DiscreteProcess(steps=50, betas=betas)
    whole, real = process.at(torch.arange(51)), process.at(torch.arange(51, dtype=torch.float64))
    torch.testing.assert_close(whole.alpha, real.alpha.float(), rtol=1e-6, atol=0)
    torch.testing.assert_close(whole.sigma, real.sigma.float(), rtol=1e-6, atol=0)


@settings(deadline=None)
@given(t=st.floats(0, 100))
def test_between_steps_the_variance_is_kept_and_the_noise_grows(t: float) -> None:
    process = DiscreteProcess(steps=100)
    here, there = (process.at(torch.tensor(v, dtype=torch.float64)) for v in (t, min(t + 0.01, 100)))
    assert float(here.alpha**2 + here.sigma**2) == pytest.approx(1, abs=1e-12)
    assert here.sigma <= there.sigma


@settings(deadline=None)
@given(t=st.floats(0.0, 1000.0))
def test_ratios_find_their_times(t: float) -> None:
    process, time = DiscreteProcess(), torch.tensor([t], dtype=torch.float64)
    level = process.at(time)
    torch.testing.assert_close(process.time_of(level.sigma / level.alpha), time, rtol=1e-9, atol=1e-7)


def test_times_may_be_looked_up_by_logarithms_where_levels_are_not() -> None:
    straight = DiscreteProcess(steps=10, between="ratio")
    logarithmic = DiscreteProcess(steps=10, between="ratio", looked_up="log_ratio")
    level = straight.at(torch.tensor(4.5, dtype=torch.float64))
    ratio = level.sigma / level.alpha
    assert straight.time_of(ratio).item() == pytest.approx(4.5)
    assert logarithmic.time_of(ratio).item() == pytest.approx(DiscreteProcess(steps=10).time_of(ratio).item())
    assert logarithmic.time_of(ratio).item() != pytest.approx(4.5, abs=1e-6)


@pytest.mark.parametrize("t", [0.3, 1.5, 17.25, 99.9])
def test_slopes_are_differences(t: float) -> None:
    process, step = DiscreteProcess(steps=100), 1e-6
    low, high = (process.at(torch.tensor(t + d, dtype=torch.float64)) for d in (-step, step))
    slopes = process.slopes(torch.tensor(t, dtype=torch.float64))
    found = ((high.alpha - low.alpha) / (2 * step), (high.sigma - low.sigma) / (2 * step))
    torch.testing.assert_close(slopes, found, rtol=1e-5, atol=1e-8)


def test_tables_do_not_follow_the_device_of_their_surroundings() -> None:
    with torch.device("meta"):
        level = DiscreteProcess(steps=7).at(torch.tensor([1, 2], device="cpu"))
    assert level.alpha.device.type == "cpu"


def test_the_cosine_has_its_offset_and_its_largest_variance() -> None:
    usual = DiscreteProcess(steps=20, betas="cosine").variances
    assert torch.equal(DiscreteProcess(steps=20, betas="cosine", largest=0.5).variances, usual.clamp(max=0.5))
    offset = DiscreteProcess(steps=20, betas="cosine", offset=0.1).variances
    assert torch.equal(offset, cosine_betas(20, 0.1))
    assert not torch.allclose(offset, usual)


def test_trained_variances_are_taken_as_they_are() -> None:
    process = DiscreteProcess(steps=3, betas="trained", trained=(0.1, 0.2, 0.5))
    assert process.variances.tolist() == [0.1, 0.2, 0.5]
    torch.testing.assert_close(process.at(torch.tensor(3.0)).alpha ** 2, torch.tensor(0.9 * 0.8 * 0.5))


@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "cosine", "sigmoid"])
def test_with_zero_terminal_snr_nothing_is_left_of_the_data(betas: BetaName) -> None:
    process = DiscreteProcess(betas=betas, zero_terminal_snr=True)
    before, after = (p.at(torch.arange(1001)).alpha for p in (DiscreteProcess(betas=betas), process))
    assert after[1000] == 0
    assert process.at(torch.tensor(1000.0, dtype=torch.float64)).alpha < 1e-15
    torch.testing.assert_close(after[1], before[1])
    assert (after.diff() < 0).all()
    half = process.at(torch.tensor(999.5, dtype=torch.float64))
    assert 0 < half.alpha < after[999]
    assert process.time_of(torch.tensor(math.inf, dtype=torch.float64)) == 1000


def test_the_nearest_step_is_nearest_by_the_ratio_of_noise_to_signal() -> None:
    process = DiscreteProcess(steps=9)
    level = process.at(torch.arange(10, dtype=torch.float64))
    ratios = level.sigma / level.alpha
    asked = torch.cat([ratios, torch.linspace(0, 0.3, 50, dtype=torch.float64)]).reshape(6, 10)
    by_hand = (asked[..., None] - ratios).abs().argmin(-1)
    assert torch.equal(process.nearest(asked), by_hand)
    assert process.nearest(torch.tensor([-1.0, torch.inf])).tolist() == [0, 9]


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"first": 0.5, "last": 0.1}, {"last": 1.5}, {"offset": -1.0}, {"largest": 1.0}]
)
def test_impossible_processes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        DiscreteProcess(**wrong)  # type: ignore[arg-type]
