"""Means and shares over raters, d' and Holm: identities, limits and live references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm, t

from diorama.metrics.judgement.detection import dprime_of_share, forced_choice, real_or_fake, two_ac
from diorama.metrics.judgement.hypotheses import binomial_p, student_p
from diorama.metrics.judgement.means import gathered, holm, means, shares
from diorama.metrics.judgement.opinion import differential, opinions


def test_with_as_many_answers_each_the_interval_is_students_over_rater_means() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 1, (9, 6)) + rng.normal(0, 1, (9, 1))
    found = means(values.sum(1)[:, None], np.full((9, 1), 6.0), (values**2).sum(1)[:, None])
    low, high = found.intervals()
    each = values.mean(1)
    reach = t.ppf(0.975, 8) * each.std(ddof=1) / 3
    assert found.values[0] == pytest.approx(each.mean())
    assert (low[0], high[0]) == pytest.approx((each.mean() - reach, each.mean() + reach))


def test_one_rater_is_taken_as_independent_answers_and_said_so() -> None:
    values = np.array([1.0, 2, 3, 4])
    found = means(*gathered(values, np.zeros(4, int), np.zeros(4, int), (1, 1)))
    error, freedom = found.spread(np.eye(1))
    assert not found.clustered
    assert error[0] == pytest.approx(values.std(ddof=1) / 2)
    assert math.isinf(freedom[0])


def test_a_system_that_nobody_judged_has_no_number() -> None:
    found = means(*gathered(np.array([1.0, 0]), np.array([0, 1]), np.array([0, 0]), (2, 2)))
    assert math.isnan(found.values[1])
    assert found.values[0] == 0.5


def test_where_all_agree_the_share_has_width_and_dprime_is_finite() -> None:
    found = means(*gathered(np.ones(40), np.arange(40) % 10, np.zeros(40, int), (10, 1)))
    ends = shares(found)
    assert ends.high[0] == 1
    assert 0.5 < ends.low[0] < 0.8
    sensitivity = forced_choice(found)
    assert np.isfinite(sensitivity.values[0])
    assert bool(sensitivity.corrected[0])


@settings(deadline=None)
@given(share=st.floats(0.02, 0.98))
def test_dprime_of_a_share_and_of_its_opposite(share: float) -> None:
    assert float(dprime_of_share(share)) == pytest.approx(-float(dprime_of_share(1 - share)), abs=1e-9)


def test_dprime_of_verdicts_is_the_difference_of_probits() -> None:
    called = np.repeat([1.0, 0, 1, 0], [80, 20, 30, 70])
    system = np.repeat([0, 0, 1, 1], [80, 20, 30, 70])
    rater = np.random.default_rng(0).integers(0, 10, 200)
    found = real_or_fake(means(*gathered(called, rater, system, (10, 2))), 0)
    assert found.values[1] == pytest.approx(norm.ppf(0.8) - norm.ppf(0.3))
    assert found.values[0] == 0
    assert found.low[1] < found.values[1] < found.high[1]


def test_where_every_verdict_is_one_dprime_is_finite_and_its_interval_has_width() -> None:
    called, system, rater = np.repeat([1.0, 0.0], 40), np.repeat([0, 1], 40), np.arange(80) % 10
    found = real_or_fake(means(*gathered(called, rater, system, (10, 2))), 0)
    assert found.corrected.all()
    assert 2 < found.low[1] < found.values[1] < found.high[1] < 7


def test_two_ac_is_the_forced_choice_where_nobody_ties() -> None:
    assert two_ac(5, 0, 15).dprime == pytest.approx(float(dprime_of_share(0.75)))
    there, back = two_ac(3, 4, 9), two_ac(9, 4, 3)
    assert there.dprime == pytest.approx(-back.dprime)
    assert there.low == pytest.approx(-back.high, abs=1e-6)
    with pytest.raises(ValueError, match="both sides"):
        two_ac(0, 3, 5)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_raises_p_values_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    raised = holm(p_values)
    assert all(p <= r <= min(1.0, len(p_values) * p) + 1e-12 for p, r in zip(p_values, raised, strict=True))
    assert all(r >= f - 1e-12 for r, f in zip(raised, false_discovery_control(p_values), strict=True))


def test_tests_of_nothing_find_nothing() -> None:
    assert binomial_p(0, 0) == 1
    assert binomial_p(5, 10) == 1
    assert binomial_p(10, 10) == pytest.approx(2 / 1024)
    assert student_p(0.0, 0.0, 5.0) == 1
    assert student_p(1.96, 1.0, math.inf) == pytest.approx(0.05, abs=1e-3)


def test_a_raters_bias_is_taken_off() -> None:
    quality = np.array([1.0, 2, 3, 4, 5])
    scores = quality + np.array([[0.0], [1.0], [-1.0]])
    found = opinions(scores)
    assert found.bias == pytest.approx([0, 1, -1])
    assert found.without_bias == pytest.approx(quality)
    assert found.standardised.std() == pytest.approx(1)


def test_a_score_equal_to_that_of_the_reference_is_five() -> None:
    scores = np.array([[4.0, 3.0], [2.0, 2.0]])
    assert differential(scores, [0, 1], [0, 0]) == pytest.approx(np.array([[5.0, 4.0], [5.0, 5.0]]))


@pytest.mark.parametrize("raters", [(0, 0, 0, 0), (0, 0, 1, 2)])
def test_what_was_judged_once_or_by_one_rater_of_several_has_a_mean_and_no_interval(raters: tuple[int, ...]) -> None:
    values, systems = np.array([3.0, 1.0, 2.0, 5.0]), np.array([0, 1, 1, 1])
    found = means(*gathered(values, np.array(raters), systems, (max(raters) + 1, 2)))
    assert found.values == pytest.approx([3.0, 8 / 3])
    low, high = found.intervals()
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] < 8 / 3 < high[1]
    assert np.isnan(found.spread(np.array([[1.0, -1.0]]))[0]).all()
