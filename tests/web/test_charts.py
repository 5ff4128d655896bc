"""Charts hold every point inside their frame and say so when there is nothing to show."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.web.charts import IntervalRow, Series, interval_chart, line_chart, number_words


def svg_of(html: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", html, re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0])


numbers = st.floats(-1e9, 1e9)


@given(st.lists(st.tuples(st.floats(0, 1e8), numbers), min_size=1, max_size=30))
def test_every_line_stays_inside_its_frame(points: list[tuple[float, float]]) -> None:
    svg = svg_of(line_chart([Series(name="a", points=sorted(points))], title="t", x="images", y="loss"))
    for line in svg.iter("polyline"):
        for pair in line.attrib["points"].split():
            x, y = (float(v) for v in pair.split(","))
            assert 0 <= x <= 380
            assert 0 <= y <= 220


def test_what_is_not_finite_is_left_out() -> None:
    chart = line_chart([Series(name="a", points=[(0, 1.0), (1, math.nan), (2, 2.0)])], title="t", x="x", y="y")
    assert "nan" not in chart
    assert "No points" in line_chart([Series(name="a", points=[(0, math.inf)])], title="t", x="x", y="y")


def test_a_long_log_becomes_a_short_line() -> None:
    points = [(float(i), float(i % 7)) for i in range(100_000)]
    assert len(line_chart([Series(name="a", points=points)], title="t", x="x", y="y")) < 8_000


def test_several_lines_have_a_legend_and_names_are_escaped() -> None:
    both = [Series(name="<a>", points=[(0, 1.0)]), Series(name="b", points=[(0, 2.0), (1, 2.0)], colour=1)]
    chart = line_chart(both, title="t", x="x", y="y")
    assert "&lt;a&gt;" in chart
    assert "legend" in chart
    assert "legend" not in line_chart(both[:1], title="t", x="x", y="y")


@given(st.lists(st.tuples(st.floats(0.001, 1e6), st.floats(0, 100)), min_size=1, max_size=8))
def test_intervals_stay_on_their_track(values: list[tuple[float, float]]) -> None:
    rows = [IntervalRow(name=f"m{i}", value=v, low=v - w, high=v + w) for i, (v, w) in enumerate(values)]
    chart = interval_chart(rows, title="fd@lite")
    for left, width in re.findall(r"left:(-?[\d.]+)%;width:([\d.]+)%", chart):
        assert float(left) >= -0.01
        assert float(left) + float(width) <= 100.5


def test_the_floor_is_drawn_through_every_row() -> None:
    rows = [
        IntervalRow(name="ours", value=10.0, low=9.0, high=11.0),
        IntervalRow(name="mixture", value=20.0, low=19.0, high=21.0, floor=True),
    ]
    assert interval_chart(rows, title="t").count('class="floor"') == 2
    assert interval_chart([], title="t") == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (1.23456, "1.23"), (12.3456, "12.3"), (1234.5, "1,234"), (0.01234, "0.0123"), (math.nan, "—")],
)
def test_numbers_have_three_digits_that_matter(value: float, words: str) -> None:
    assert number_words(value) == words


@pytest.mark.parametrize("values", [(0.998, 1.001), (1e-6, 2e-6), (-3.0, 5.0), (2e5, 9e5), (0.0, 0.5)])
def test_no_two_ticks_read_the_same(values: tuple[float, float]) -> None:
    points = [(float(i), value) for i, value in enumerate(values)]
    svg = svg_of(line_chart([Series(name="a", points=points)], title="t", x="x", y="y"))
    labels = [text.text for text in svg.iter("text") if text.attrib.get("text-anchor") == "end"]
    assert len(labels) >= 2
    assert len(set(labels)) == len(labels)
