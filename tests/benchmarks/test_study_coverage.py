"""Intervals of simulated studies hold the truth as often as they say: the benchmark in the small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.study_coverage import (
    OPINIONS,
    Outcome,
    Size,
    answered,
    choices,
    hype_time,
    opinions,
    pairwise,
    verdicts,
)

from benchmarks import study_coverage

STUDIES = 400
ALLOWED = 0.025
"""Twice the standard error of a share of 0.95 among so many studies, and what few raters cost."""


@pytest.mark.slow
@pytest.mark.parametrize("adaptive", [False, True], ids=["balanced", "adaptive"])
@pytest.mark.parametrize("question", [pairwise, choices, verdicts, opinions])
def test_intervals_hold_the_truth(question: Callable[..., Outcome], adaptive: bool) -> None:
    found = question(np.random.default_rng(5), STUDIES, Size(raters=20, answers=30), adaptive=adaptive)
    assert found.held.mean() == pytest.approx(0.95, abs=ALLOWED)


@pytest.mark.parametrize("question", [choices, opinions])
def test_intervals_hold_the_truth_where_raters_give_many_answers(question: Callable[..., Outcome]) -> None:
    found = question(np.random.default_rng(6), STUDIES, Size(raters=16, answers=80), adaptive=False)
    assert found.held.mean() == pytest.approx(0.95, abs=ALLOWED)


def test_intervals_of_hype_time_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    few = study_coverage._modes(np.random.default_rng(0), 20_000, 60).mean()
    monkeypatch.setattr(study_coverage, "mean_modal_exposure", lambda answers: few)
    found = hype_time(np.random.default_rng(7), STUDIES, Size(raters=20, answers=60), adaptive=False)
    assert found.held.mean() == pytest.approx(0.95, abs=ALLOWED)


def test_intervals_that_took_answers_as_independent_would_miss_the_truth_most_of_the_time() -> None:
    rng, size = np.random.default_rng(0), Size(raters=20, answers=200)
    biases = OPINIONS.biases(rng, (STUDIES, size.raters))
    sums, counts, squares = (
        table.sum(1)
        for table in answered(rng, STUDIES, size, 4, lambda r, s: OPINIONS.score(rng, biases[:, r], s), None)
    )
    mean = sums / counts
    reach = 1.96 * np.sqrt((squares / counts - mean**2) / counts)
    assert (np.abs(mean - OPINIONS.opinions) <= reach).mean() < 0.6
