"""What the mean simulated rater does is what is said of all; raters resemble themselves; studies are labelled."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diorama.data.answers import SIMULATED
from diorama.study.simulate import DetectingRaters, OpinionRaters, PairRaters
from diorama.study.simulated_answers import SimulatedStudy, pair_answers, verdict_answers

MANY = 200_000


@pytest.mark.parametrize("steadiness", [0.0, 0.3, 1.0])
def test_preferences_of_all_are_those_of_bradley_and_terry(steadiness: float) -> None:
    people, rng = PairRaters(strengths=(0.7, 0.0, -0.4), steadiness=steadiness), np.random.default_rng(0)
    left, right = np.zeros(MANY, np.int64), np.full(MANY, 2)
    choice = people.choose(rng, people.tastes(rng, (MANY,)), left, right)
    assert (choice == 0).mean() == pytest.approx(1 / (1 + math.exp(-1.1)), abs=0.004)


def test_two_answers_of_a_steady_rater_agree_more_than_those_of_two_raters() -> None:
    people, rng = PairRaters(strengths=(0.0, 0.0), steadiness=0.8), np.random.default_rng(0)
    sides = np.zeros(MANY, np.int64), np.ones(MANY, np.int64)
    tastes = people.tastes(rng, (MANY,))
    first, second = (people.choose(rng, tastes, *sides) for _ in range(2))
    assert (first == second).mean() == pytest.approx(0.5 + 0.8**2 / 2, abs=0.005)


def test_shares_and_dprimes_of_all_are_those_that_are_said() -> None:
    people, rng = DetectingRaters(probits=(0.9, 0.0, -0.5), spread=0.6), np.random.default_rng(1)
    manners = people.manners(rng, (MANY,))
    for system, share in enumerate(people.shares):
        assert people.answer(rng, manners, np.full(MANY, system)).mean() == pytest.approx(share, abs=0.004)
    assert people.forced_choice[1] == pytest.approx(0)
    assert people.real_or_fake(0)[0] == 0


def test_mean_opinions_of_all_are_those_that_are_said() -> None:
    people, rng = OpinionRaters(qualities=(-1.0, 0.4), spread=0.7), np.random.default_rng(2)
    biases = people.biases(rng, (MANY,))
    for system, mean in enumerate(people.opinions):
        assert people.score(rng, biases, np.full(MANY, system)).mean() == pytest.approx(mean, abs=0.01)


def test_simulated_studies_are_labelled_and_the_same_for_a_seed() -> None:
    study = SimulatedStudy(systems=("a", "b"), items=("i",), raters=3, judgements=4, seed=7)
    first = pair_answers(study, PairRaters(strengths=(0.0, 0.0)))
    assert first.simulated
    assert all(row.rater.startswith(SIMULATED) for row in first.rows)
    assert first == pair_answers(study, PairRaters(strengths=(0.0, 0.0)))
    assert {row.left for row in verdict_answers(study, DetectingRaters(probits=(1.0, 0.0, 0.0))).rows} == {
        "real",
        "a",
        "b",
    }
