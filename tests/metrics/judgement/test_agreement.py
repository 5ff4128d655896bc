"""Coefficients of agreement against the package krippendorff, against one another, and at their limits."""

from __future__ import annotations

import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.metrics.judgement.agreement import (
    Level,
    alpha_interval,
    fleiss_z,
    intraclass,
    krippendorff_alpha,
    nominal_agreement,
    two_raters,
    unit_counts,
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), missing=st.floats(0, 0.5))
@pytest.mark.parametrize("level", list(Level))
def test_alpha_is_that_of_krippendorff(seed: int, missing: float, level: Level) -> None:
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (5, 12)).astype(float)
    ratings[rng.random(ratings.shape) < missing] = np.nan
    ratings[:2, :2] = [[1, 2], [2, 1]]
    expected = krippendorff.alpha(ratings, level_of_measurement=level.value)
    assert krippendorff_alpha(*unit_counts(ratings), level) == pytest.approx(expected, abs=1e-9)


def test_perfect_agreement_is_one_and_one_value_alone_is_no_number() -> None:
    same = np.tile([1.0, 2, 3, 2], (3, 1))
    assert krippendorff_alpha(*unit_counts(same), Level.NOMINAL) == pytest.approx(1.0)
    assert nominal_agreement(unit_counts(same)[1]).fleiss == pytest.approx(1.0)
    assert math.isnan(krippendorff_alpha(*unit_counts(np.ones((3, 4))), Level.NOMINAL))


def test_raters_by_chance_agree_no_more_than_by_chance() -> None:
    counts = unit_counts(np.random.default_rng(0).integers(0, 3, (4, 3000)).astype(float))[1]
    found = nominal_agreement(counts)
    assert abs(found.fleiss) < 0.03
    assert abs(found.ac1) < 0.03
    assert abs(found.brennan_prediger) < 0.03
    assert abs(fleiss_z(counts)) < 3


def test_two_raters_who_agree_half_of_the_time_on_two_values() -> None:
    found = two_raters(np.array([[25.0, 25], [25, 25]]))
    assert found.cohen == pytest.approx(0)
    assert found.scott == pytest.approx(0)
    assert found.cohen_error == pytest.approx(0.1)


def test_the_interval_of_alpha_holds_it_and_is_the_same_for_a_seed() -> None:
    values, counts = unit_counts(np.random.default_rng(2).integers(1, 4, (4, 30)).astype(float))
    alpha = krippendorff_alpha(values, counts, Level.ORDINAL)
    low, high = alpha_interval(values, counts, Level.ORDINAL)
    assert low < alpha < high
    assert (low, high) == alpha_interval(values, counts, Level.ORDINAL)


def test_intraclass_correlation_is_the_share_of_variance_between_units() -> None:
    rng = np.random.default_rng(0)
    units, raters = rng.normal(0, 2, 4000), rng.normal(0, 1, 50)
    ratings = units + raters[:, None] + rng.normal(0, 1, (50, 4000))
    assert intraclass(ratings) == pytest.approx(4 / 6, abs=0.06)


def test_intraclass_correlation_of_one_value_is_no_number() -> None:
    assert math.isnan(intraclass(np.ones((3, 4))))
