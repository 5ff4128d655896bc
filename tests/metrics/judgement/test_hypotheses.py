"""Tests of single hypotheses agree with intervals, and with counting where all raters agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from diorama.metrics.judgement.hypotheses import share_p, student_p
from diorama.metrics.judgement.means import gathered, means, shares


def test_a_p_value_is_that_of_students_test() -> None:
    values = np.array([0.3, -0.1, 0.8, 0.4, 0.2])
    error = values.std(ddof=1) / math.sqrt(5)
    assert student_p(values.mean(), error, 4) == pytest.approx(ttest_1samp(values, 0).pvalue)


@pytest.mark.parametrize("raters", [2, 5, 12])
def test_where_all_raters_agree_they_are_counted(raters: int) -> None:
    assert student_p(4.0, 0.0, raters - 1) == pytest.approx(binomtest(raters, raters).pvalue)
    assert student_p(0.0, 0.0, raters - 1) == 1
    assert student_p(4.0, 0.0, math.inf) == 1


@settings(max_examples=60, deadline=None)
@given(raters=st.integers(2, 30), answers=st.integers(1, 20), ease=st.floats(0.3, 1.0), seed=st.integers(0, 2**32))
def test_a_share_differs_from_a_half_where_its_interval_leaves_it_out(
    raters: int, answers: int, ease: float, seed: int
) -> None:
    right = (np.random.default_rng(seed).random((raters, answers)) < ease).astype(float).ravel()
    rater = np.repeat(np.arange(raters), answers)
    found = means(*gathered(right, rater, np.zeros(len(right), np.int64), (raters, 1)))
    told = shares(found)
    _, freedom = found.spread(np.eye(1))
    p = share_p(float(told.values[0]), float(told.effective[0]), float(freedom[0]))
    outside = not told.low[0] <= 0.5 <= told.high[0]
    assert (p < 0.05) == outside or abs(p - 0.05) < 1e-6
