"""Strengths against choix and against themselves; infinite ones are held, and raters are what intervals are over."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize

from diorama.metrics.judgement.likelihood import design, firth_counts, maximise, scores
from diorama.metrics.judgement.paired import LEFT, RIGHT, TIE, PairedJudgements, unbeaten_sets
from diorama.metrics.judgement.responses import BradleyTerry, Davidson, Response, Thurstone
from diorama.metrics.judgement.sequential import elo_in_sequence, minorise_maximise, spectral_strengths
from diorama.metrics.judgement.strengths import strengths

SEEDS = st.integers(0, 2**32)


def _wins(seed: int, systems: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(1, 20, (systems, systems)).astype(float) * (1 - np.eye(systems))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_strengths_are_those_of_choix(seed: int) -> None:
    wins = _wins(seed)
    expected = choix.ilsr_pairwise_dense(wins, alpha=0)
    found = strengths(PairedJudgements.of_matrices(wins), BradleyTerry())
    assert found.values == pytest.approx(expected, abs=1e-6)
    assert spectral_strengths(wins) == pytest.approx(expected, abs=1e-6)
    logs = np.log(minorise_maximise(wins))
    assert logs - logs.mean() == pytest.approx(expected, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, alpha=st.floats(0.01, 1.0))
def test_a_rate_added_everywhere_is_that_of_choix(seed: int, alpha: float) -> None:
    wins = _wins(seed)
    assert spectral_strengths(wins, alpha=alpha) == pytest.approx(choix.ilsr_pairwise_dense(wins, alpha), abs=1e-6)


@pytest.mark.parametrize("response", [BradleyTerry(), Davidson(), Thurstone()])
def test_scores_are_gradients_and_the_fit_is_the_maximum(response: Response) -> None:
    rng = np.random.default_rng(1)
    pairs = np.stack(np.triu_indices(4, 1), 1)
    counts = rng.integers(1, 15, (len(pairs), 3)).astype(float) * ([1, 1, 1] if response.models_ties else [1, 1, 0])
    plan = design(pairs, 4, order_effect=True)
    size = plan.matrix.shape[1] + response.models_ties

    def value(parameters: np.ndarray) -> float:
        gaps = plan.matrix @ parameters[: plan.matrix.shape[1]]
        logs, _ = response.logs(gaps, parameters[-1:] if response.models_ties else np.full(1, -np.inf))
        return float((counts * np.where(counts > 0, logs, 0.0)).sum())

    at = rng.normal(size=size) / 3
    assert scores(plan, counts, response, at) == pytest.approx(approx_fprime(at, value, 1e-6), rel=1e-3, abs=1e-3)
    fit = maximise(plan, counts, response)
    best = minimize(lambda p: -value(p), np.zeros(size), method="BFGS", options={"gtol": 1e-8})
    assert fit.parameters == pytest.approx(best.x, abs=1e-4)
    assert bool(fit.settled)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_order_of_judgements_and_of_names_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(str(a), str(b), int(c)) for a, b, c in zip(*rng.integers(0, 3, (3, 60)), strict=True) if a != b]
    rows += [("0", "1", 0), ("1", "0", 0), ("1", "2", 0), ("2", "1", 0), ("0", "2", 2)]
    raters = [str(i % 7) for i in range(len(rows))]
    first = strengths(PairedJudgements.of(rows, raters))
    order = rng.permutation(len(rows))
    second = strengths(PairedJudgements.of([rows[i] for i in order], [raters[i] for i in order]))
    for i, name in enumerate(first.names):
        j = second.names.index(name)
        assert second.values[j] == pytest.approx(first.values[i], abs=1e-8)
        assert second.interval(second.one(j)) == pytest.approx(first.interval(first.one(i)), abs=1e-6)


def test_exchanging_sides_turns_the_advantage_of_the_left_round() -> None:
    rng = np.random.default_rng(0)
    rows = [("a", "b", int(rng.random() < 0.4)) for _ in range(50)] + [
        ("b", "a", int(rng.random() < 0.3)) for _ in range(50)
    ]
    there = strengths(PairedJudgements.of(rows), order_effect=True)
    back = strengths(PairedJudgements.of([(b, a, 1 - c) for a, b, c in rows]), order_effect=True)
    assert there.advantage is not None
    assert back.advantage == pytest.approx(-there.advantage)


def test_a_system_that_never_lost_keeps_a_finite_strength_and_says_so() -> None:
    rows = [("a", "b", 0)] * 5 + [("b", "c", 0)] * 3 + [("b", "c", 1)] * 3 + [("a", "c", 0)] * 4
    judged = PairedJudgements.of(rows)
    assert unbeaten_sets(judged.wins() > 0) == [((0,), (1, 2))]
    found = strengths(judged)
    assert found.penalised
    assert np.isfinite(found.values).all()
    assert found.values[0] > found.values[1:].max()


def test_the_penalty_is_that_of_jeffreys_prior() -> None:
    """For two systems Firth's estimate is known: half a win is added to each."""
    plan = design(np.array([[0, 1]]), 2)
    padded = firth_counts(plan, np.array([[7.0, 0.0, 0.0]]))
    assert padded == pytest.approx(np.array([[7.5, 0.5, 0.0]]))


def test_unconnected_systems_are_named() -> None:
    with pytest.raises(ValueError, match=r"in 2 parts: a, b \| c, d"):
        strengths(PairedJudgements.of([("a", "b", 0), ("c", "d", 1)]))


def test_a_rater_who_answers_the_same_tenfold_narrows_nothing() -> None:
    rng = np.random.default_rng(3)
    once = [("a", "b", int(rng.random() < 0.35)) for _ in range(40)]
    names = [str(i) for i in range(40)]
    single = strengths(PairedJudgements.of(once, names))
    tenfold = strengths(PairedJudgements.of(once * 10, names * 10))
    assert tenfold.error_of(tenfold.between(0, 1))[0] == pytest.approx(single.error_of(single.between(0, 1))[0])
    assert tenfold.error_of(tenfold.between(0, 1))[1] == pytest.approx(39)


def test_elo_in_sequence_depends_on_the_order_and_maximum_likelihood_does_not() -> None:
    games = [(0, 1), (0, 1), (1, 0)]
    assert elo_in_sequence(games, 2) != pytest.approx(elo_in_sequence(games[::-1], 2))
    assert elo_in_sequence(games, 2).sum() == pytest.approx(2000)
    found = strengths(PairedJudgements.of_matrices(np.array([[0.0, 10], [1, 0]])))
    assert found.elo[0] - found.elo[1] == pytest.approx(400)


def test_thurstone_of_two_is_a_probit() -> None:
    found = strengths(PairedJudgements.of([("a", "b", 0)] * 3 + [("a", "b", 1)]), Thurstone())
    assert found.preferred(0, 1) == pytest.approx(0.75)
    assert found.values[0] - found.values[1] == pytest.approx(0.6744897501960817)


def test_davidson_gives_ties_their_share() -> None:
    rows = [("a", "b", 0)] * 30 + [("a", "b", 1)] * 30 + [("a", "b", 2)] * 60
    found = strengths(PairedJudgements.of(rows))
    assert found.tie == pytest.approx(2.0)
    assert found.log_tie == pytest.approx(math.log(2))


def test_a_side_that_explains_everything_keeps_a_finite_advantage_by_the_penalty() -> None:
    found = strengths(PairedJudgements.of([("a", "b", 0)] * 3 + [("b", "a", 0)] * 3), order_effect=True)
    assert found.penalised
    assert found.advantage is not None
    assert 0 < found.advantage < 5


def test_sides_and_systems_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="no finite solution"):
        strengths(PairedJudgements.of([("a", "b", 0), ("a", "b", 1)]), order_effect=True)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
@pytest.mark.parametrize("response", [None, BradleyTerry(), Thurstone()])
def test_whatever_few_judgements_say_strengths_and_intervals_are_finite(seed: int, response: Response | None) -> None:
    rng = np.random.default_rng(seed)
    systems, rows, raters = int(rng.integers(2, 8)), [], []
    truth = rng.normal(0, rng.choice([0.5, 3, 10]), systems)
    ties = rng.choice([0.0, 0.3, 0.95, 1.0])
    for _ in range(int(rng.integers(1, 80))):
        left, right = rng.permutation(systems)[:2]
        lost = rng.random() > 1 / (1 + np.exp(np.clip(truth[right] - truth[left], -50, 50)))
        rows.append((str(left), str(right), 2 if rng.random() < ties else int(lost)))
        raters.append(str(rng.integers(rng.choice([1, 3, 20]))))
    judged = PairedJudgements.of(rows, raters)
    for part in judged.components():
        found = strengths(judged.only(part), response)
        ends = [found.interval(found.one(i)) for i in range(len(part))]
        assert np.isfinite(found.values).all()
        assert np.isfinite(ends).all()
        assert found.values.sum() == pytest.approx(0, abs=1e-6)


def test_ties_and_wins_of_one_alone_have_a_penalty_too() -> None:
    """Without one, Davidson's strengths and nu go to infinity together."""
    found = strengths(PairedJudgements.of([("a", "b", 0)] * 7 + [("a", "b", 2)] * 4))
    assert found.penalised
    assert 0 < found.values[0] < 5
    assert found.tie is not None
    assert found.tie < 100


def test_a_pair_that_only_tied_is_no_division_by_zero() -> None:
    wins = np.array([[0.0, 3, 2], [2, 0, 0], [4, 0, 0]])
    ties = np.array([[0.0, 1, 0], [1, 0, 5], [0, 5, 0]])
    with np.errstate(all="raise"):
        found = strengths(PairedJudgements.of_matrices(wins, ties), BradleyTerry(), halve_ties=False)
    assert found.values == pytest.approx(choix.ilsr_pairwise_dense(wins, alpha=0), abs=1e-6)
    # Two pairs that were decided, two parameters: the model fits as well as one with a parameter for each pair.
    assert found.deviance == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "rows",
    [
        # One rater's answers are ties alone, so that the other one tells all there is of the strengths.
        [("a", "b", LEFT, "p")] * 5 + [("a", "b", RIGHT, "p")] * 2 + [("a", "b", TIE, "q")] * 7,
        # All raters answer in the same shares.
        [("a", "b", choice, rater) for rater in "pqrs" for choice in (LEFT, LEFT, LEFT, RIGHT)],
    ],
)
def test_a_difference_that_does_not_vary_over_raters_is_not_taken_for_certain(rows: list[tuple[Any, ...]]) -> None:
    judged = PairedJudgements.of([row[:3] for row in rows], [row[3] for row in rows])
    found = strengths(judged)
    gap = found.between(0, 1)
    assert found.is_without_spread(gap)
    low, high = found.interval(gap)
    reach = NormalDist().inv_cdf(0.975) * math.sqrt(gap @ found.covariance @ gap)
    assert (low, high) == pytest.approx((gap @ found.parameters - reach, gap @ found.parameters + reach))
    assert high - low > 1
