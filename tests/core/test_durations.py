"""Budgets and durations carry units, and what is ambiguous is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.durations import (
    Budget,
    clock_words,
    count_words,
    energy_words,
    parse_budget,
    parse_images,
    parse_seconds,
)
from diorama.core.errors import BadConfig


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("200k", 200_000),
        ("2M", 2_000_000),
        ("50000", 50_000),
        ("50_000", 50_000),
        ("8,512", 8_512),
        ("1,000k", 1_000_000),
        ("1.5k", 1_500),
        ("0.2M", 200_000),
    ],
)
def test_images_are_counted_plainly_or_with_units(text: str, images: int) -> None:
    assert parse_images(text) == images
    assert parse_budget(text) == Budget(images=images)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10min", 600.0), ("2h", 7_200.0), ("1.5 h", 5_400.0)])
def test_times_are_written_in_s_min_and_h(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds
    assert parse_budget(text) == Budget(seconds=seconds)


@pytest.mark.parametrize("parse", [parse_images, parse_seconds, parse_budget])
def test_a_bare_m_is_refused_and_both_readings_are_named(parse: object) -> None:
    with pytest.raises(BadConfig, match=r"'10m'.*10min.*10M"):
        parse("10m")  # type: ignore[operator]


@pytest.mark.parametrize("text", ["", "k", "ten", "-3k", "1.2.3k", "5 days", "0", "0.5", "nan", "1e5"])
def test_what_is_no_number_of_images_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadConfig, match="images"):
        parse_images(text)


@pytest.mark.parametrize("text", ["", "10", "0s", "5d", "2H", "200k"])
def test_a_time_needs_its_unit(text: str) -> None:
    with pytest.raises(BadConfig, match=r"time|unit"):
        parse_seconds(text)


def test_an_unknown_unit_is_named_in_a_budget() -> None:
    with pytest.raises(BadConfig, match="'days' is unknown"):
        parse_budget("3days")


@given(st.integers(1, 10**12))
def test_plain_counts_round_trip(count: int) -> None:
    assert parse_images(str(count)) == count


@given(st.integers(1, 999_999_999))
def test_words_for_counts_are_within_their_last_digit(count: int) -> None:
    assert parse_images_loosely(count_words(count)) == pytest.approx(count, rel=0.05)


def parse_images_loosely(words: str) -> float:
    scale = {"k": 1e3, "M": 1e6}.get(words[-1], 1.0)
    return float(words.rstrip("kM")) * scale


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (4.21, "4.2 s"),
        (42, "42 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (7_200, "2 h"),
        (864_000, "10 days"),
    ],
)
def test_times_are_spelt_for_people(seconds: float, words: str) -> None:
    assert clock_words(seconds) == words


@pytest.mark.parametrize(
    ("joules", "words"), [(0.4, "0 J"), (850, "850 J"), (12_340, "12.3 kJ"), (999_990, "1.0 MJ"), (1.2e6, "1.2 MJ")]
)
def test_energy_is_spelt_for_people(joules: float, words: str) -> None:
    assert energy_words(joules) == words


def test_a_budget_says_what_it_is() -> None:
    assert str(Budget(images=200_000)) == "200k images"
    assert str(Budget(seconds=600.0)) == "10 min"
