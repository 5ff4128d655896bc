"""Plots as marks: lines over images seen, and points with intervals. Axes, ticks and labels are chosen here."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from diorama.core.durations import count_words
from diorama.web.marks import Dot, Mark, Path, Words, images_words

WIDTH, HEIGHT = 380, 220
"""Of every plot."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 40
_MOST_POINTS = 240
_LONGEST_NAME = 24
_LINE = 13.0
"""Between the baselines of two names."""
_ALIKE = 1.1
"""Costs that differ by less stand together in the middle."""
_LETTER = 6.2
"""Mean width of a letter."""
_WIDE_LETTER = 7.2
"""The same of the widest font that a page may be shown in, for what must not be covered."""

TickWords = Callable[[float], str]


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line of a plot.

    Args:
        name: for the legend.
        points: (x, y) in order of x; what is not finite is left out.
        colour: place in the palette.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One generator in a plot of quality against cost.

    Args:
        name: written beside it.
        x: the cost.
        y: the quality.
        low: lower end of its interval.
        high: upper end of its interval.
        colour: place in the palette.
        hollow: it is not ranked among the others.
        line: a line joins the points that have the same one, from the cheapest on; empty for none.
    """

    name: str
    x: float
    y: float
    low: float
    high: float
    colour: int = 0
    hollow: bool = False
    line: str = ""


def line_plot(series: Sequence[Series], *, x: str, y: str) -> list[Mark]:
    """Lines with axes and a grid; nothing where there is no finite point.

    Args:
        series: the lines.
        x: label of the horizontal axis, which begins at zero, and whose ticks are written as counts (``50k``).
        y: label of the vertical axis.
    """
    lines = [(s, _finite(s.points)) for s in series]
    everything = [point for _, points in lines for point in points]
    if not everything:
        return []
    across = _Axis(min(0.0, *(p[0] for p in everything)), max(p[0] for p in everything), _LEFT, WIDTH - _RIGHT)
    up = _Axis(*_padded([p[1] for p in everything]), HEIGHT - _BOTTOM, _TOP)
    marks = [*_frame(across, up, images_words), *_labels(x, y)]
    return marks + [_line(across, up, _thinned(points), s.colour) for s, points in lines if points]


def point_plot(
    points: Sequence[Point], *, x: str, y: str, words: TickWords, floor: tuple[str, float] | None = None
) -> list[Mark]:
    """Points with their intervals, names and lines; an axis along which they differ tenfold is logarithmic.

    Args:
        points: all finite.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        words: a tick of the horizontal axis.
        floor: name and value of a dashed line that all are held against.
    """
    if not points:
        return []
    heights = [value for p in points for value in (p.y, p.low, p.high)]
    heights += [] if floor is None else [floor[1]]
    across = _spread([p.x for p in points], _LEFT + 8, WIDTH - _RIGHT - 8)
    up = _spread(heights, HEIGHT - _BOTTOM, _TOP, least=min(p.y for p in points))
    marks: list[Mark] = [*_frame(across, up, words), *_labels(x, y)]
    if floor is not None:
        at = up(floor[1])
        marks.append(Path(points=[(_LEFT, at), (WIDTH - _RIGHT, at)], ink="axis", dashed=True))
        marks.append(Words(x=WIDTH - _RIGHT, y=at - 4, text=floor[0], anchor="end"))
    for line in dict.fromkeys(p.line for p in points if p.line):
        joined = sorted((p for p in points if p.line == line), key=lambda p: p.x)
        if len(joined) > 1:
            marks.append(Path(points=[(across(p.x), up(p.y)) for p in joined], ink=joined[0].colour))
    for p in points:
        marks.append(Path(points=[(across(p.x), up(p.low)), (across(p.x), up(p.high))], ink=p.colour, width=1.6))
        marks.append(Dot(x=across(p.x), y=up(p.y), ink=p.colour, radius=4, hollow=p.hollow))
    return marks + _names(points, across, up, floor=None if floor is None else up(floor[1]))


class _Box(NamedTuple):
    """What a name or a point covers: from left to right, and from top to bottom."""

    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)


def _names(points: Sequence[Point], across: _Axis, up: _Axis, floor: float | None) -> list[Mark]:
    """Names beside their points, moved until none covers another name or a point."""
    marks: list[Mark] = []
    taken = [_Box(across(p.x) - 5, across(p.x) + 5, up(p.y) - 5, up(p.y) + 5) for p in points]
    if floor is not None:
        # Its own name stands above the dashed line.
        taken.append(_Box(_LEFT, WIDTH, floor - _LINE, floor + 1))
    for p in sorted(points, key=lambda p: up(p.y)):
        text = p.name if len(p.name) <= _LONGEST_NAME else p.name[: _LONGEST_NAME - 1] + "…"
        words = _free_place(p, text, across, up, taken)
        taken.append(_covered(words))
        marks.append(words)
    return marks


def _free_place(p: Point, text: str, across: _Axis, up: _Axis, taken: Sequence[_Box]) -> Words:
    """The name where it is nearest to its point and covers nothing: beside it, above or below; where no place is free,
    right beside it."""
    at, width = across(p.x), _WIDE_LETTER * len(text)
    right = Words(x=at + 8, y=up(p.y) + 4, text=text, anchor="start", ink=p.colour)
    left, middle = replace(right, x=at - 8, anchor="end"), replace(right, x=at, anchor="middle")
    # A name that would leave the plot on one side stands on the other.
    fit = {"start": at + 8 + width <= WIDTH - 2, "end": at - 8 - width >= _LEFT}
    fit["middle"] = at + width / 2 <= WIDTH - 2 and at - width / 2 >= _LEFT
    sides = [words for words in (right, left, middle) if fit[words.anchor]]
    steps = sorted((i * _LINE / 4 for i in range(-60, 61)), key=abs)
    for words in (replace(words, y=words.y + step) for step in steps for words in sides):
        inside = _TOP <= words.y <= HEIGHT - _BOTTOM - 2
        if inside and not any(_covered(words).meets(box) for box in taken):
            return words
    return sides[0] if sides else right


def _covered(words: Words) -> _Box:
    width = _WIDE_LETTER * len(words.text)
    left = words.x - {"start": 0.0, "middle": width / 2, "end": width}[words.anchor]
    return _Box(left, left + width, words.y - _LINE + 3, words.y + 3)


@dataclass(frozen=True)
class _Axis:
    """Maps [low, high] onto the pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        if not self.logarithmic:
            return self.start + (self.end - self.start) * share(value, self.low, self.high) / 100
        # What lies at or below zero has no logarithm, and stands at the end of the axis.
        logs = (math.log(max(v, self.low)) for v in (value, self.low, self.high))
        return self.start + (self.end - self.start) * share(*logs) / 100

    def ticks(self, most: int) -> list[float]:
        span = self.high - self.low
        # Below the smallest normal number a span has no power of ten.
        if span / most < sys.float_info.min:
            return [self.low]
        if self.logarithmic:
            return self._powers(most)
        # The smallest of 1, 2, 5 and 10 times a power of ten that makes no more ticks than were asked for.
        rough = span / most
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
        # Whole multiples of the step, so that rounding never adds up along the axis.
        first = math.ceil(self.low / step)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _powers(self, most: int) -> list[float]:
        """The finest of 1-2-5, 1-3 and whole powers of ten, or of every second, third … that are few enough."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            ticks = [m * 10.0**p for p in powers for m in factors if self.low <= m * 10.0**p <= self.high]
            if len(ticks) <= most + 1:
                return ticks
        return ticks[:: -(-len(ticks) // most)]


def share(value: float, low: float, high: float) -> float:
    """How far along from low to high a value is, in per cent; half-way where the two are one."""
    return 50.0 if high <= low else 100 * (value - low) / (high - low)


def _spread(values: Sequence[float], start: float, end: float, least: float | None = None) -> _Axis:
    """An axis with room around the values: logarithmic where they are above zero and differ tenfold.

    ``least`` is the smallest value that must not be cut; ends of intervals below half of it are.
    """
    smallest, highest = min(values) if least is None else least, max(values)
    if smallest > 0 and highest > 10 * smallest:
        return _Axis(max(min(values), smallest / 2) / 1.15, highest * 1.15, start, end, logarithmic=True)
    low, high = min(values), max(values)
    if low > 0 and high < _ALIKE * low:
        # Budgets of one size are one place, and not as far apart as the plot is wide.
        return _Axis(low / 1.5, high * 1.5, start, end)
    return _Axis(*_padded(values), start, end)


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


def _line(across: _Axis, up: _Axis, points: Sequence[tuple[float, float]], colour: int) -> Mark:
    places = [(across(x), up(y)) for x, y in points]
    # A line through one point would be invisible.
    if len(places) == 1:
        return Dot(x=places[0][0], y=places[0][1], ink=colour)
    return Path(points=places, ink=colour, width=1.6)


def _frame(across: _Axis, up: _Axis, words: TickWords) -> list[Mark]:
    marks: list[Mark] = []
    heights = up.ticks(4)
    step = heights[1] - heights[0] if len(heights) > 1 else 0.0
    for value in heights:
        y = up(value)
        marks.append(Path(points=[(_LEFT, y), (WIDTH - _RIGHT, y)], ink="grid"))
        # Powers of ten reach far: 2000 is written as 2k.
        power = count_words(value) if value >= 1_000 else f"{value:g}"
        text = power if up.logarithmic else _tick_words(value, step)
        marks.append(Words(x=_LEFT - 6, y=y + 4, text=text, anchor="end"))
    base = HEIGHT - _BOTTOM
    # Of ticks that read alike the first says all.
    for text, value in {words(value): value for value in reversed(across.ticks(4))}.items():
        # A label that would leave the plot ends at its edge.
        at = min(across(value), WIDTH - _LETTER * len(text) / 2)
        marks.append(Words(x=at, y=base + 15, text=text, anchor="middle"))
    return [*marks, Path(points=[(_LEFT, base), (WIDTH - _RIGHT, base)], ink="axis")]


def _labels(x: str, y: str) -> list[Mark]:
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    across = Words(x=(_LEFT + WIDTH - _RIGHT) / 2, y=HEIGHT - 6, text=x, anchor="middle")
    return [across, Words(x=10, y=middle, text=y, anchor="middle", turned=True)]


def _tick_words(value: float, step: float) -> str:
    """A tick's label with as many decimals as tell it from its neighbours, ``step`` away."""
    if abs(value) < 1e-9 * step:
        return "0"
    if max(abs(value), step) >= 1e4 or 0 < step < 1e-4:
        return f"{value:.1e}"
    decimals = max(0, -math.floor(math.log10(step))) if step > 0 else 0
    return f"{value:.{decimals}f}" if step > 0 else f"{value:.3g}"
