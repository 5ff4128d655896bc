"""Charts as inline SVG and HTML: no script, colours from the page's own palette, legible on a phone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from diorama.core.durations import count_words

COLOURS = 8
"""The palette's size: series *i* is drawn in the shell's ``--c{i mod 8}``."""

_WIDTH, _HEIGHT = 380, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 40
_MOST_POINTS = 240


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line of a chart.

    Args:
        name: for the legend.
        points: (x, y) in order of x; what is not finite is left out.
        colour: place in the palette.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0


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
    """

    name: str
    value: float
    low: float
    high: float
    colour: int = 0
    floor: bool = False


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
    lines = [(s, _finite(s.points)) for s in series]
    everything = [point for _, points in lines for point in points]
    if not everything:
        return f'<figure class="chart"><h4>{escape(title)}</h4><p class="soft">No points were logged.</p></figure>'
    across = _Axis(min(p[0] for p in everything), max(p[0] for p in everything), _LEFT, _WIDTH - _RIGHT)
    up = _Axis(*_padded([p[1] for p in everything]), _HEIGHT - _BOTTOM, _TOP)
    parts = [_grid(across, up), _axis_labels(x, y)]
    parts += [_polyline(across, up, _thinned(points), s.colour) for s, points in lines if points]
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    legend = _legend([s for s, _ in lines]) if len(lines) > 1 else ""
    return f'<figure class="chart"><h4>{escape(title)}</h4>{svg}{legend}</figure>'


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
            return _share(value, min(0.0, lowest), highest)
        # An interval may reach zero or below, where there is no logarithm: it is cut half-way below the least value.
        floor = math.log(smallest / 2)
        return _share(max(math.log(max(value, smallest / 2)), floor), floor, math.log(highest))

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
    colour = f"var(--c{row.colour % COLOURS})"
    return (
        f'<div class="interval" style="--mark:{colour}"><span class="who">{escape(row.name)}</span>'
        f'<span class="track">{floors}<i class="whisker" style="left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%"></i>'
        f'<i class="dot" style="left:{place(row.value):.2f}%"></i></span>'
        f'<span class="what">{number_words(row.value)}</span></div>'
    )


def number_words(value: float) -> str:
    """A number with three significant digits and no exponent between 0.001 and a million."""
    if not math.isfinite(value):
        return "—"
    if value == 0 or 0.001 <= abs(value) < 1_000_000:
        digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}"
    return f"{value:.2e}"


@dataclass(frozen=True)
class _Axis:
    """Maps [low, high] onto the pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * _share(value, self.low, self.high) / 100

    def ticks(self, most: int) -> list[float]:
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        # The smallest of 1, 2, 5 and 10 times a power of ten that makes no more ticks than were asked for.
        rough = span / most
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
        # Whole multiples of the step, so that rounding never adds up along the axis.
        first = math.ceil(self.low / step)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _share(value: float, low: float, high: float) -> float:
    return 50.0 if high <= low else 100 * (value - low) / (high - low)


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - pad, high + pad


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of equal runs of points, so that a long log stays a small file."""
    size = math.ceil(len(points) / _MOST_POINTS)
    runs = [points[i : i + size] for i in range(0, len(points), size)]
    return [(math.fsum(p[0] for p in run) / len(run), math.fsum(p[1] for p in run) / len(run)) for run in runs]


def _polyline(across: _Axis, up: _Axis, points: Sequence[tuple[float, float]], colour: int) -> str:
    mark = f"var(--c{colour % COLOURS})"
    if len(points) == 1:
        # A line through one point would be invisible.
        return f'<circle cx="{across(points[0][0]):.1f}" cy="{up(points[0][1]):.1f}" r="3" fill="{mark}"/>'
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{mark}" stroke-width="1.6" stroke-linejoin="round"/>'


def _grid(across: _Axis, up: _Axis) -> str:
    parts = []
    heights = up.ticks(4)
    step = heights[1] - heights[0] if len(heights) > 1 else 0.0
    for value in heights:
        y = up(value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="gridline"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_tick_words(value, step)}</text>')
    for value in across.ticks(4):
        words = count_words(value) if value >= 0 else _tick_words(value, 0.0)
        parts.append(f'<text x="{across(value):.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{words}</text>')
    base = _HEIGHT - _BOTTOM
    return f'{"".join(parts)}<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{base}" y2="{base}" class="axis"/>'


def _axis_labels(x: str, y: str) -> str:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return (
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>'
        f'<text x="10" y="{middle}" text-anchor="middle" transform="rotate(-90 10 {middle})">{escape(y)}</text>'
    )


def _tick_words(value: float, step: float) -> str:
    """A tick's label with as many decimals as tell it from its neighbours, ``step`` away."""
    if abs(value) < 1e-9 * step:
        return "0"
    if max(abs(value), step) >= 1e4 or 0 < step < 1e-4:
        return f"{value:.1e}"
    decimals = max(0, -math.floor(math.log10(step))) if step > 0 else 0
    return f"{value:.{decimals}f}" if step > 0 else f"{value:.3g}"


def _legend(series: Sequence[Series]) -> str:
    items = "".join(f'<li style="--mark:var(--c{s.colour % COLOURS})"><i></i>{escape(s.name)}</li>' for s in series)
    return f'<ul class="legend">{items}</ul>'
