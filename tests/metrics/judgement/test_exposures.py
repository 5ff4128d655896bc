"""Modal exposures, and their mean over raters with an interval over raters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diorama.metrics.judgement.exposures import bootstrapped, modal_exposure


def test_the_modal_exposure_is_the_most_frequent_and_the_shortest_of_several() -> None:
    assert modal_exposure(np.array([500.0, 470.0, 470.0, 440.0])) == 470
    assert modal_exposure(np.array([500.0, 500.0, 470.0, 470.0])) == 470


def test_intervals_are_those_of_student_where_raters_are_normal() -> None:
    values = np.random.default_rng(0).normal(300, 50, 12)
    found = bootstrapped(values, draws=200_000)
    # Student's quantile for 11 degrees of freedom.
    reach = 2.201 * values.std(ddof=1) / math.sqrt(12)
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=0.03)
    assert found.raters == 12


def test_a_seed_gives_one_interval_and_levels_widen_it() -> None:
    values = np.arange(10.0)
    assert bootstrapped(values) == bootstrapped(values)
    narrow, wide = bootstrapped(values, 0.8), bootstrapped(values, 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_rater_gives_no_interval_and_raters_who_agree_one_of_no_width() -> None:
    alone = bootstrapped(np.array([250.0]))
    assert alone.value == 250
    assert math.isnan(alone.low)
    alike = bootstrapped(np.full(5, 100.0))
    assert alike.low == alike.high == 100
