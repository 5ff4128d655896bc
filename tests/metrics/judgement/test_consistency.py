"""Raters who answer by chance or against the others are told from those who are like the others."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.metrics.judgement.consistency import Manner, far_from_others, hit_raters, pair_raters, score_raters
from diorama.metrics.judgement.paired import PairedJudgements


def _pairs(rng: np.random.Generator, answers: int, *, odd: str) -> PairedJudgements:
    """Nineteen raters of three systems that are clearly apart, and an odd one, the last."""
    strengths, rows, raters = np.array([1.5, 0.0, -1.5]), [], []
    for rater in range(20):
        for _ in range(answers):
            first, second = rng.permutation(3)[:2]
            chance = 1 / (1 + np.exp(strengths[second] - strengths[first]))
            if rater == 19:
                chance = 0.5 if odd == "chance" else 1 - chance
            rows.append((str(first), str(second), int(rng.random() > chance)))
            raters.append(str(rater))
    return PairedJudgements.of(rows, raters)


@pytest.mark.parametrize(("odd", "manner"), [("chance", Manner.CHANCE), ("against", Manner.AGAINST)])
def test_an_odd_rater_of_pairs_is_told_how_he_is_odd(odd: str, manner: Manner) -> None:
    fits = pair_raters(_pairs(np.random.default_rng(1), 40, odd=odd))
    assert fits[19].manner is manner
    assert sum(fit.manner is not Manner.LIKE_OTHERS for fit in fits) <= 2


def test_few_answers_say_nothing_of_a_rater() -> None:
    fits = pair_raters(_pairs(np.random.default_rng(1), 5, odd="against"))
    assert all(fit.manner is Manner.LIKE_OTHERS for fit in fits)


def test_a_rater_is_unlike_the_others_by_chance_one_time_in_a_hundred() -> None:
    rng = np.random.default_rng(3)
    rater, unit = np.repeat(np.arange(400), 30), np.tile(np.arange(30), 400)
    hits = (rng.random(len(unit)) < np.linspace(0.55, 0.9, 30)[unit]).astype(float)
    fits = hit_raters(hits, rater, unit, 400)
    signals = np.array([fit.signal for fit in fits])
    assert signals.mean() == pytest.approx(0, abs=0.15)
    assert signals.std() == pytest.approx(1, abs=0.1)
    assert sum(fit.manner is not Manner.LIKE_OTHERS for fit in fits) <= 10


def test_scores_without_a_relation_to_the_others_are_told() -> None:
    rng = np.random.default_rng(0)
    scores = np.clip(np.round(np.linspace(1, 5, 40) + rng.normal(0, 0.7, (12, 40))), 1, 5)
    scores[0], scores[1] = rng.integers(1, 6, 40), 3.0
    scores[2] = 6 - scores[2]
    fits = score_raters(scores)
    assert [fit.manner for fit in fits[:3]] == [Manner.CHANCE, Manner.CHANCE, Manner.AGAINST]
    assert all(fit.manner is Manner.LIKE_OTHERS for fit in fits[3:])


def test_distance_is_in_interquartile_ranges_below_the_lower_quartile() -> None:
    values = np.array([-10.0, -1.0, -0.75, -0.5, -0.25, 0.0])
    far = far_from_others(values)
    assert far[0] > 1.5
    assert (far[1:] < 1.5).all()
    assert (far_from_others(np.zeros(5)) == 0).all()
