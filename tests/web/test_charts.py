"""Charts hold every point inside their frame and say so when there is nothing to show."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diorama.web.charts import IntervalRow, Point, Series, interval_chart, line_chart, point_chart


def svg_of(html: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", html, re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0])


numbers = st.floats(-1e9, 1e9)


@given(st.lists(st.tuples(st.floats(0, 1e8), numbers), min_size=1, max_size=30))
@example(points=[(5e-324, 0.0)])
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


def test_fractions_along_the_axis_are_not_rounded_to_counts() -> None:
    drawn = line_chart([Series(name="a", points=[(0.0, 1.0), (1.5, 2.0)])], title="t", x="x", y="y")
    words = re.findall(r">([\d.]+)</text>", drawn)
    assert {"0.5", "1.5"} <= set(words)
    assert "2" not in words


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


@pytest.mark.parametrize("values", [(0.998, 1.001), (1e-6, 2e-6), (-3.0, 5.0), (2e5, 9e5), (0.0, 0.5)])
def test_no_two_ticks_read_the_same(values: tuple[float, float]) -> None:
    points = [(float(i), value) for i, value in enumerate(values)]
    svg = svg_of(line_chart([Series(name="a", points=points)], title="t", x="x", y="y"))
    labels = [text.text for text in svg.iter("text") if text.attrib.get("text-anchor") == "end"]
    assert len(labels) >= 2
    assert len(set(labels)) == len(labels)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(0.01, 1e5), st.floats(0, 1)), min_size=1, max_size=6))
def test_points_and_their_names_stay_inside_the_plot(values: list[tuple[float, float, float]]) -> None:
    points = [
        Point(name=f"generator {i}", x=x, y=y, low=y * (1 - w), high=y * (1 + w)) for i, (x, y, w) in enumerate(values)
    ]
    svg = svg_of(point_chart(points, title="t", x="time", y="fd", words=str, floor=("mixture", 3.0)))
    dots = list(svg.iter("circle"))
    assert len(dots) == len(points)
    for mark in [*dots, *svg.iter("text")]:
        assert 0 <= float(mark.attrib.get("cx", mark.attrib.get("x", "0"))) <= 380
        assert 0 <= float(mark.attrib.get("cy", mark.attrib.get("y", "0"))) <= 220


def test_names_of_equal_points_do_not_cover_one_another() -> None:
    points = [Point(name=f"g{i}", x=20.0, y=5.0, low=4.0, high=6.0, hollow=bool(i)) for i in range(4)]
    svg = svg_of(point_chart(points, title="t", x="time", y="fd", words=lambda value: f"{value:.0f} s"))
    names = [t for t in svg.iter("text") if (t.text or "").startswith("g")]
    assert len(names) == 4
    # They stand beside, above and below the points.
    for side in ("start", "middle", "end"):
        rows = sorted(float(t.attrib["y"]) for t in names if t.attrib["text-anchor"] == side)
        assert all(b - a >= 12 for a, b in pairwise(rows))
    ticks = [t.text for t in svg.iter("text") if (t.text or "").endswith(" s")]
    assert len(ticks) == len(set(ticks)) >= 1
    assert point_chart([], title="t", x="time", y="fd", words=str) == ""


def test_points_of_one_line_are_joined_and_the_legend_names_it() -> None:
    points = [
        Point(name=f"s{i}", x=x, y=5.0 - i, low=4.0, high=6.0, colour=2, line="run") for i, x in enumerate((30.0, 10.0))
    ]
    drawn = point_chart(
        [*points, Point(name="other", x=20.0, y=3.0, low=2.0, high=4.0)], title="t", x="x", y="y", words=str
    )
    assert drawn.count("<li") == 1
    assert ">run</li>" in drawn
    # The line and two whiskers; it begins at the cheaper point.
    lines = [
        line.attrib["points"].split() for line in svg_of(drawn).iter("polyline") if "--c2" in line.attrib["stroke"]
    ]
    dots = [float(dot.attrib["cx"]) for dot in svg_of(drawn).iter("circle") if "--c2" in dot.attrib["fill"]]
    assert len(lines) == 3
    assert [float(place.split(",")[0]) for place in lines[0]] == pytest.approx(sorted(dots))
