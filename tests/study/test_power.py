"""Power is what simulated studies reach, and grows where it should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.metrics.judgement.clusters import clustered
from diorama.metrics.judgement.hypotheses import student_p
from diorama.metrics.judgement.likelihood import design, information, maximise, scores
from diorama.metrics.judgement.responses import BradleyTerry
from diorama.study.power import PlannedStudy, power, power_lines, raters_needed, smallest_effect
from diorama.study.simulate import PairRaters


def _study(**changes: object) -> PlannedStudy:
    given: dict[str, object] = {"kind": "pairwise", "systems": 4, "raters": 20, "judgements": 40}
    return PlannedStudy(**(given | changes))  # type: ignore[arg-type]


@settings(deadline=None)
@given(raters=st.integers(2, 200), effect=st.floats(0.5, 0.9))
def test_power_is_a_probability_and_at_least_the_level_of_one_test(raters: int, effect: float) -> None:
    study = _study(raters=raters)
    assert study.level / study.comparisons - 1e-9 <= power(study, effect) <= 1


@pytest.mark.parametrize("kind", ["pairwise", "2afc", "real_or_fake", "opinion"])
def test_raters_needed_are_the_fewest(kind: str) -> None:
    study, effect = _study(kind=kind), 0.62 if kind != "opinion" else 0.4
    needed = raters_needed(study, effect)
    assert needed is not None
    assert power(_study(kind=kind, raters=needed), effect) >= 0.8 > power(_study(kind=kind, raters=needed - 1), effect)


def test_the_smallest_effect_is_found_with_enough_power() -> None:
    effect = smallest_effect(_study())
    assert effect is not None
    assert power(_study(), effect) == pytest.approx(0.8, abs=1e-3)


def test_many_judgements_of_one_rater_are_worth_less_than_those_of_many() -> None:
    assert power(_study(raters=10, judgements=80), 0.6) < power(_study(raters=80, judgements=10), 0.6)


def test_one_rater_finds_nothing_and_no_number_finds_no_effect() -> None:
    assert power(_study(raters=1), 0.9) == 0
    assert raters_needed(_study(), 0.5) is None


def test_lines_say_power_raters_and_the_smallest_effect() -> None:
    lines = power_lines(_study(), 0.6)
    assert "20 raters with 40 judgements each" in lines[0]
    assert "6 comparisons" in lines[0]
    assert "raters" in lines[1]
    assert "least" in lines[2]


@pytest.mark.parametrize("systems", [2, 4])
def test_power_of_pairs_is_what_simulated_studies_reach(systems: int) -> None:
    studies, raters, judgements = 600, 16, 36
    apart = math.log(0.62 / 0.38)
    truth = (apart / 2, -apart / 2, *[0.0] * (systems - 2))
    people = PairRaters(strengths=truth, steadiness=math.sqrt(0.1))
    rng = np.random.default_rng(0)
    pairs = np.stack(np.triu_indices(systems, 1), 1)
    tastes = people.tastes(rng, (studies, raters))
    counts = np.zeros((studies, raters, len(pairs), 3))
    for k in range(judgements):
        chosen = pairs[k % len(pairs)]
        sides = [np.full((studies, raters), side) for side in chosen]
        choice = people.choose(rng, tastes, sides[0], sides[1])
        counts[..., k % len(pairs), :] += np.eye(3)[choice]
    plan, response = design(pairs, systems), BradleyTerry()
    fit = maximise(plan, counts.sum(1), response)
    here = fit.parameters[:, None]
    found = clustered(information(plan, counts, response, here), scores(plan, counts, response, here))
    contrast = (plan.basis[0] - plan.basis[1])[None]
    errors, freedom = found.spread(contrast)
    values = fit.parameters @ contrast[0]
    p_values = [student_p(v, float(e[0]), float(f[0])) for v, e, f in zip(values, errors, freedom, strict=True)]
    study = _study(systems=systems, raters=raters, judgements=judgements)
    reached = np.mean(np.array(p_values) < study.level / study.comparisons)
    assert reached == pytest.approx(power(study, 0.62), abs=0.08)
