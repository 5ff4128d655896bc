"""Numbers are rounded by their interval, and nothing that rounds to zero has an exponent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.numbers import interval_words, number_words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (1.23456, "1.23"), (12.3456, "12.3"), (1234.5, "1,234"), (0.01234, "0.0123"), (math.nan, "—")],
)
def test_numbers_have_three_digits_that_matter(value: float, words: str) -> None:
    assert number_words(value) == words


@pytest.mark.parametrize(
    ("three", "words"),
    [
        ((0.0, 4.34e-19, 0.00762), ("0", "0", "0.0076")),
        ((11.0, 10.4, 11.6), ("11.0", "10.4", "11.6")),
        ((2498.2, 2376.0, 2618.4), ("2,498", "2,376", "2,618")),
        ((0.0012, 0.0011, 0.0014), ("0.00120", "0.00110", "0.00140")),
        ((5.0, 5.0, 5.0), ("5.00", "5.00", "5.00")),
        ((45.0, 1e-9, 1e-5), ("45.0000", "0", "0")),
        ((3e-9, 2e-9, 4e-9), ("3.0e-09", "2.0e-09", "4.0e-09")),
        ((1.234e-7, 1.23e-7, 1.25e-7), ("1.234e-07", "1.230e-07", "1.250e-07")),
        ((3.0, 1.0, 250.0), ("3", "1", "250")),
    ],
)
def test_an_interval_says_how_far_its_estimate_is_rounded(
    three: tuple[float, float, float], words: tuple[str, str, str]
) -> None:
    assert interval_words(*three) == words


@given(st.floats(0.001, 1e5), st.floats(1e-3, 1))
def test_what_is_written_is_near_what_was_measured(value: float, share: float) -> None:
    half = value * share
    for number, words in zip(
        (value, value - half, value + half), interval_words(value, value - half, value + half), strict=True
    ):
        assert abs(float(words.replace(",", "")) - number) <= 0.06 * 2 * half + 0.5
