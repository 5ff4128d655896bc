"""How many of what size there are, as columns of HTML and CSS: text keeps its size on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def column_chart(
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    title: str,
    x: str,
    what: str,
    mark: tuple[float, str] | None = None,
) -> str:
    """How many there are from one edge to the next.

    Args:
        edges: (n + 1,) rising, where the columns begin and where the last one ends.
        counts: (n,) heights.
        title: above the chart.
        x: what lies along the horizontal axis.
        what: what is counted.
        mark: a place on the horizontal axis to draw a line at, and its name.

    Returns:
        A ``<figure>``; the numbers of a column show when it is pointed at.
    """
    ends = [edges[0], edges[-1], *([mark[0]] if mark else [])]
    low, high, most = min(ends), max(ends), max(1, *counts)

    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    columns = "".join(
        f'<i style="left:{place(start):.2f}%;width:{place(end) - place(start):.2f}%;height:{100 * count / most:.2f}%" '
        f'title="{start:g} to {end:g}: {count:,}"></i>'
        for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    )
    line = ""
    if mark is not None:
        side = ' class="left"' if place(mark[0]) > 50 else ""
        line = f'<b style="left:{place(mark[0]):.2f}%"><span{side}>{escape(mark[1])}</span></b>'
    middle = (low + high) / 2
    ticks = "".join(f"<span>{_tick(value)}</span>" for value in (low, middle, high))
    words = f"{escape(title)}: {escape(what)} by {escape(x)}"
    return (
        f'<figure class="columns"><h4>{escape(title)}</h4><p class="top">{most:,} {escape(what)}</p>'
        f'<div class="plot" role="img" aria-label="{words}">{columns}{line}</div>'
        f'<div class="ticks">{ticks}</div><figcaption>{escape(x)}</figcaption></figure>'
    )


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
