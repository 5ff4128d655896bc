"""Balanced orders are balanced; adaptive ones ask what tells most; both are functions of their arguments."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.study.order import (
    PRIOR_SPREAD,
    balanced_against,
    balanced_pairs,
    balanced_single,
    information_gain,
    next_item,
    next_pair,
    next_source,
    opinion_variances,
    share_variances,
)

SYSTEMS = ("a", "b", "c", "d")
ITEMS = ("i0", "i1", "i2", "i3", "i4")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), raters=st.integers(1, 9), count=st.integers(1, 20))
def test_all_raters_together_see_pairs_equally_often(seed: int, raters: int, count: int) -> None:
    trials = [t for r in range(raters) for t in balanced_pairs(SYSTEMS, ITEMS, count, rater=r, seed=seed)]
    shown = Counter(frozenset((t.left, t.right)) for t in trials)
    assert len(trials) == raters * count
    assert max(shown.values()) - (min(shown.values()) if len(shown) == 6 else 0) <= 1


def test_items_and_sides_are_balanced_over_a_whole_schedule() -> None:
    trials = balanced_pairs(SYSTEMS, ITEMS, 6 * 5 * 2, rater=0, seed=3)
    pairs = Counter((t.item, t.left, t.right) for t in trials)
    assert len(pairs) == 60
    assert set(pairs.values()) == {1}


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), systems=st.integers(1, 6), items=st.integers(12, 30), rater=st.integers(0, 200))
def test_a_rater_meets_few_items_twice_while_there_are_others(seed: int, systems: int, items: int, rater: int) -> None:
    """In a forced choice the true picture, seen beside a second system, would give itself away."""
    names, count = [f"i{i}" for i in range(items)], items - 6
    tested = [f"s{i}" for i in range(systems)]
    trials = balanced_against("real", tested, names, count, rater=rater, seed=seed)
    met = Counter(trial.item for trial in trials)
    assert count - len(met) <= systems
    assert max(met.values()) <= 2


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), systems=st.integers(2, 5), items=st.integers(1, 9))
def test_two_rounds_show_every_system_and_item_once_on_each_side(seed: int, systems: int, items: int) -> None:
    names, tested = [f"i{i}" for i in range(items)], [f"s{i}" for i in range(systems)]
    trials = balanced_against("real", tested, names, 2 * systems * items, rater=0, seed=seed)
    assert set(Counter((t.item, t.left, t.right) for t in trials).values()) == {1}


def test_the_same_rater_and_seed_give_the_same_order_and_others_another() -> None:
    first = balanced_pairs(SYSTEMS, ITEMS, 12, rater=2, seed=5)
    assert first == balanced_pairs(SYSTEMS, ITEMS, 12, rater=2, seed=5)
    assert first != balanced_pairs(SYSTEMS, ITEMS, 12, rater=2, seed=6)
    assert first != balanced_pairs(SYSTEMS, ITEMS, 12, rater=3, seed=5)


def test_the_true_source_is_in_every_forced_choice_and_alone_no_side_is_empty() -> None:
    trials = balanced_against("real", ("a", "b"), ITEMS, 20, rater=0, seed=0)
    assert all("real" in (t.left, t.right) and t.left != t.right for t in trials)
    assert Counter(t.left == "real" for t in trials) == {True: 10, False: 10}
    assert {t.right for t in balanced_single(SYSTEMS, ITEMS, 8, rater=0, seed=0)} == {""}


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(ValueError, match="two systems"):
        balanced_pairs(("a",), ITEMS, 3, rater=0, seed=0)


def test_a_pair_never_shown_tells_more_than_one_often_shown() -> None:
    wins, shown = np.zeros((3, 3)), np.zeros((3, 3))
    wins[0, 1] = wins[1, 0] = 10
    shown[0, 1] = shown[1, 0] = 20
    gain = information_gain(wins, np.zeros((3, 3)), shown)
    assert gain[0, 2] > gain[0, 1]
    assert gain == pytest.approx(gain.T)
    left, right = next_pair(wins, np.zeros((3, 3)), shown, seed=1)
    assert 2 in (left, right)


def test_information_gain_is_what_one_more_answer_takes_off_the_variance() -> None:
    rng = np.random.default_rng(0)
    wins = rng.integers(1, 9, (4, 4)).astype(float) * (1 - np.eye(4))
    shown, ties = wins + wins.T, np.zeros((4, 4))
    gain = information_gain(wins, ties, shown)

    def trace(extra: np.ndarray) -> float:
        strengths = _strengths(wins)
        chance = 1 / (1 + np.exp(strengths[None] - strengths[:, None]))
        weights = (shown + extra) * chance * (1 - chance)
        return float(np.trace(np.linalg.inv(np.diag(weights.sum(1)) - weights + np.eye(4) / PRIOR_SPREAD**2)))

    extra = np.zeros((4, 4))
    extra[1, 3] = extra[3, 1] = 1
    assert gain[1, 3] == pytest.approx(trace(np.zeros((4, 4))) - trace(extra), rel=1e-3)


def _strengths(wins: np.ndarray) -> np.ndarray:
    number, theta = wins + wins.T, np.zeros(len(wins))
    for _ in range(200):
        chance = 1 / (1 + np.exp(theta[None] - theta[:, None]))
        theta = theta + 0.05 * ((wins - number * chance).sum(1) - theta / PRIOR_SPREAD**2)
    return theta


def test_the_side_that_a_pair_had_less_often_is_next() -> None:
    asked = np.array([[0.0, 3], [1, 0]])
    wins = np.array([[0.0, 2], [2, 0]])
    assert next_pair(wins, np.zeros((2, 2)), asked, seed=0) == (1, 0)


def test_the_source_that_is_known_worst_is_next() -> None:
    variances = share_variances(np.array([5.0, 5.0, 9.0]), np.array([10.0, 10.0, 10.0]))
    assert variances[2] > variances[0]
    assert next_source(variances, np.array([10.0, 10.0, 10.0]), seed=0) == 2
    assert next_source(np.ones(3), np.array([9.0, 1.0, 9.0]), seed=0) == 1
    assert opinion_variances(np.array([0.0]), np.array([0.0]), np.array([0.0]))[0] > 0


def test_the_item_that_was_shown_least_is_next() -> None:
    assert next_item([2, 1, 3], seed=0) == 1
    assert {next_item([0, 0], seed=s) for s in range(20)} == {0, 1}
