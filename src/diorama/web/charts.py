"""Charts as inline SVG and HTML: no script, colours from the page's own palette, legible on a phone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from diorama.core.numbers import interval_words
from diorama.web.marks import COLOURS, Mark, page_colour, svg_marks
from diorama.web.plot import HEIGHT, WIDTH, Point, Series, TickWords, line_plot, point_plot, share

__all__ = [
    "COLOURS",
    "IntervalRow",
    "Point",
    "Series",
    "interval_chart",
    "line_chart",
    "point_chart",
]


@dataclass(frozen=True, kw_only=True)
class IntervalRow:
    """One value with its interval, for :func:`interval_chart`.

    Args:
        name: what was measured.
        value: the estimate.
        low: the interval's lower end.
        high: the interval's upper end.
        colour: place in the palette.
        floor: draw the value as a line through all rows as well, as what others must beat.
        hollow: a ring in place of the dot, for what is not ranked among the others.
    """

    name: str
    value: float
    low: float
    high: float
    colour: int = 0
    floor: bool = False
    hollow: bool = False


def line_chart(series: Sequence[Series], *, title: str, x: str, y: str) -> str:
    """A line chart with axes, grid and a legend (where there is more than one line).

    Args:
        series: at most :data:`COLOURS` lines read well.
        title: for those who cannot see it, and above the chart.
        x: label of the horizontal axis; its ticks are written as counts (``50k``).
        y: label of the vertical axis.

    Returns:
        A ``<figure>``; a sentence in place of the chart when there are no finite points.
    """
    marks = line_plot(series, x=x, y=y)
    if not marks:
        return f'<figure class="chart"><h4>{escape(title)}</h4><p class="soft">No points were logged.</p></figure>'
    return _figure(marks, title, _legend(series) if len(series) > 1 else "")


def point_chart(
    points: Sequence[Point], *, title: str, x: str, y: str, words: TickWords, floor: tuple[str, float] | None = None
) -> str:
    """Quality against cost: points with their intervals, as :func:`diorama.web.plot.point_plot` takes them; the legend
    names the lines."""
    marks = point_plot(points, x=x, y=y, words=words, floor=floor)
    lines = {p.line: Series(name=p.line, points=(), colour=p.colour) for p in points if p.line}
    return _figure(marks, title, _legend([*lines.values()]) if lines else "") if marks else ""


def _figure(marks: Sequence[Mark], title: str, below: str = "") -> str:
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{svg_marks(marks)}</svg>'
    return f'<figure class="chart"><h4>{escape(title)}</h4>{svg}{below}</figure>'


def interval_chart(rows: Sequence[IntervalRow], *, title: str, note: str = "") -> str:
    """Values with their intervals, one row each, on a shared scale (logarithmic where they differ tenfold).

    Args:
        rows: in the order they are to stand.
        title: above the chart.
        note: a sentence below it.

    Returns:
        A ``<figure>`` of HTML, so that its text keeps its size on a phone.
    """
    shown = [row for row in rows if math.isfinite(row.value)]
    if not shown:
        return ""
    lowest, highest = min(min(r.low, r.value) for r in shown), max(max(r.high, r.value) for r in shown)
    smallest = min(r.value for r in shown)
    logarithmic = smallest > 0 and highest > 10 * smallest

    def place(value: float) -> float:
        if not logarithmic:
            return share(value, min(0.0, lowest), highest)
        # An interval may reach zero or below, where there is no logarithm: it is cut half-way below the least value.
        floor = math.log(smallest / 2)
        return share(max(math.log(max(value, smallest / 2)), floor), floor, math.log(highest))

    floors = "".join(f'<i class="floor" style="left:{place(r.value):.2f}%"></i>' for r in shown if r.floor)
    body = "".join(_interval_row(row, place, floors) for row in shown)
    scale = "logarithmic scale" if logarithmic else "linear scale"
    caption = f"{note} {scale.capitalize()}." if note else f"{scale.capitalize()}."
    return (
        f'<figure class="intervals" role="group" aria-label="{escape(title)}"><h4>{escape(title)}</h4>{body}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _interval_row(row: IntervalRow, place: Callable[[float], float], floors: str) -> str:
    low, high = place(row.low), place(row.high)
    colour = page_colour(row.colour)
    return (
        f'<div class="interval" style="--mark:{colour}"><span class="who">{escape(row.name)}</span>'
        f'<span class="track">{floors}<i class="whisker" style="left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%"></i>'
        f'<i class="dot{" hollow" if row.hollow else ""}" style="left:{place(row.value):.2f}%"></i></span>'
        f'<span class="what">{interval_words(row.value, row.low, row.high)[0]}</span></div>'
    )


def _legend(series: Sequence[Series]) -> str:
    items = "".join(f'<li style="--mark:{page_colour(s.colour)}"><i></i>{escape(s.name)}</li>' for s in series)
    return f'<ul class="legend">{items}</ul>'
