"""Intervals cover what they are of."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from diorama.evaluation.intervals import (
    distance_interval,
    kinds_interval,
    mean_interval,
    share_interval,
    unified_interval,
)


def test_means_agree_with_scipy() -> None:
    values = torch.randn(30, generator=torch.Generator().manual_seed(0))
    found = mean_interval(values)
    low, high = stats.t.interval(0.95, 29, loc=float(values.mean()), scale=stats.sem(values.double().numpy()))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-5)


def test_frames_of_a_clip_count_as_one_draw() -> None:
    clips = torch.randn(20, generator=torch.Generator().manual_seed(0))
    frames = clips.repeat_interleave(16)
    together, apart = mean_interval(frames, group=16), mean_interval(frames)
    assert together.high - together.low > 3 * (apart.high - apart.low)
    assert together == mean_interval(clips).__class__(
        low=mean_interval(clips).low, high=mean_interval(clips).high, method=together.method
    )


def test_one_draw_tells_nothing_about_spread() -> None:
    assert mean_interval(torch.tensor([3.0]), low=0.0).low == 0.0
    assert mean_interval(torch.tensor([3.0])).method != mean_interval(torch.tensor([3.0, 4.0])).method


def test_shares_agree_with_scipys_wilson() -> None:
    hits = torch.tensor([1.0] * 37 + [0.0] * 13)
    expected = stats.binomtest(37, 50).proportion_ci(0.95, "wilson")
    found = share_interval(hits)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.parametrize("hits", [0.0, 1.0])
def test_extreme_shares_stay_within_bounds_and_have_width(hits: float) -> None:
    found = share_interval(torch.full((20,), hits))
    assert 0 <= found.low < found.high <= 1


def test_unseen_kinds_are_covered() -> None:
    draw = np.random.default_rng(0)
    weights = np.arange(1.0, 61.0)
    covered = 0
    for _ in range(200):
        counts = draw.multinomial(300, weights / weights.sum())
        interval = kinds_interval(torch.from_numpy(counts), 64)
        covered += interval.low <= 60 <= interval.high
    assert covered >= 180


def test_kinds_seen_often_leave_none_unseen() -> None:
    found = kinds_interval(torch.tensor([5, 9, 0]), 3)
    assert (found.low, found.high) == (2.0, 2.0)


def test_kinds_without_any_twice_still_have_an_upper_end() -> None:
    found = kinds_interval(torch.tensor([1, 1, 1, 0, 0, 0]), 6)
    assert found.low == 3
    assert found.high == 6


@pytest.mark.parametrize(
    ("x", "low", "high"), [(-3.0, 0.0, 0.42), (0.0, 0.0, 1.96), (1.0, 0.0, 2.96), (2.0, 0.35, 3.96)]
)
def test_agrees_with_the_published_table(x: float, low: float, high: float) -> None:
    assert unified_interval(x) == pytest.approx((low, high), abs=0.03)


@settings(deadline=None, max_examples=40)
@given(mean=st.floats(0, 8))
def test_the_unified_interval_covers_every_mean(mean: float) -> None:
    normal = NormalDist()
    draws = [mean + normal.inv_cdf((i + 0.5) / 400) for i in range(400)]
    hits = sum(low <= mean + 0.005 and mean - 0.005 <= high for low, high in map(unified_interval, draws))
    assert 0.94 <= hits / 400 <= 0.965


@settings(deadline=None, max_examples=60)
@given(centre=st.floats(-2, 50), first=st.floats(0, 4), noise=st.floats(0, 1), rate=st.floats(0, 1))
def test_distances_have_finite_ordered_ends(centre: float, first: float, noise: float, rate: float) -> None:
    found = distance_interval(centre, first, noise, rate, method="m")
    assert 0 <= found.low <= found.high < float("inf")
    assert found.high > 0
