"""Marks of a plot on a plane whose y grows downwards, and their SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from diorama.core.durations import count_words

COLOURS = 8
"""The palette's size: series *i* is drawn in colour ``i mod 8``."""

Ink = int | Literal["grid", "axis", "words", "ink"]
"""A place in the palette, or what the mark is."""

Anchor = Literal["start", "middle", "end"]

TEXT_SIZE = 11.0


@dataclass(frozen=True, kw_only=True)
class Path:
    """A line through points.

    Args:
        points: (x, y), at least two.
        ink: its colour.
        width: of the stroke.
        dashed: whether it has gaps.
    """

    points: Sequence[tuple[float, float]]
    ink: Ink
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A disc, or a ring where it is hollow."""

    x: float
    y: float
    ink: Ink
    radius: float = 3.0
    hollow: bool = False


@dataclass(frozen=True, kw_only=True)
class Words:
    """A line of text; ``y`` is its baseline. One that is turned reads upwards."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    ink: Ink = "words"
    size: float = TEXT_SIZE
    turned: bool = False


Mark = Path | Dot | Words


def moved(marks: Sequence[Mark], x: float, y: float) -> list[Mark]:
    """The same marks elsewhere."""
    return [
        replace(mark, points=[(px + x, py + y) for px, py in mark.points])
        if isinstance(mark, Path)
        else replace(mark, x=mark.x + x, y=mark.y + y)
        for mark in marks
    ]


def page_colour(ink: Ink) -> str:
    """The colour of the page's own palette, which knows light and dark."""
    if isinstance(ink, int):
        return f"var(--c{ink % COLOURS})"
    return f"var(--{ {'grid': 'line', 'axis': 'soft', 'words': 'soft', 'ink': 'ink'}[ink] })"


def svg_marks(marks: Sequence[Mark], colour: Callable[[Ink], str] = page_colour) -> str:
    """The marks as SVG elements.

    Args:
        marks: in the order in which they cover one another.
        colour: of an ink, as CSS has it.
    """
    return "".join(_svg(mark, colour) for mark in marks)


def _svg(mark: Mark, colour: Callable[[Ink], str]) -> str:
    paint = colour(mark.ink)
    if isinstance(mark, Path):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.points)
        dashes = ' stroke-dasharray="4 3"' if mark.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{paint}" stroke-width="{mark.width:g}" '
            f'stroke-linejoin="round"{dashes}/>'
        )
    if isinstance(mark, Dot):
        fill = f'fill="none" stroke="{paint}" stroke-width="1.6"' if mark.hollow else f'fill="{paint}"'
        return f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:g}" {fill}/>'
    turn = f' transform="rotate(-90 {mark.x:.1f} {mark.y:.1f})"' if mark.turned else ""
    # As a style, since a page has a rule for the text of its charts.
    return (
        f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" text-anchor="{mark.anchor}" '
        f'style="fill:{paint};font-size:{mark.size:g}px"{turn}>{escape(mark.text)}</text>'
    )


def images_words(value: float) -> str:
    """A tick of an axis of images seen."""
    whole = value >= 0 and value == round(value)
    return count_words(value) if whole else f"{value:g}"
