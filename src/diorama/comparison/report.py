"""The report: one page that opens anywhere, and every number of it as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from diorama import __version__
from diorama.comparison import sections, seeds, tables
from diorama.comparison.columns import Comparison
from diorama.comparison.record import NUMBERS, report_to_json
from diorama.core.files import write_json, write_text
from diorama.web.page import breakable, page

PAGE = "report.html"


def write_report(comparisons: Sequence[Comparison], out: Path, *, seed: int = 0, title: str = "") -> Path:
    """Write ``report.html`` and ``report.json``.

    Args:
        comparisons: one for each data set, in the order they are shown.
        out: the folder.
        seed: of the samples, for their stamps.
        title: of the page; made of the data sets' names by default.

    Returns:
        The page's path.
    """
    names = " and ".join(comparison.data.name for comparison in comparisons)
    heading = title or f"{names}: generators side by side"
    several = len(comparisons) > 1
    parts = [f'<p class="brand">Diorama</p><h1>{breakable(heading)}</h1>']
    if several:
        links = "".join(f'<a href="#set{i}">{escape(c.data.name)}</a>' for i, c in enumerate(comparisons))
        parts.append(f'<nav aria-label="Data sets">{links}</nav>')
    for i, comparison in enumerate(comparisons):
        if several:
            parts.append(f'<h2 class="set" id="set{i}">{escape(comparison.data.name)}</h2>')
        parts.append(_body(comparison, seed))
    parts.append(
        f"<footer>Written by Diorama {escape(__version__)}. Every picture and clip that a model drew carries a mark "
        f"that says so in its metadata. All numbers: <code>{NUMBERS}</code> beside this page.</footer>"
    )
    style = files("diorama.comparison").joinpath("report.css").read_text(encoding="utf-8")
    write_json(out / NUMBERS, report_to_json(comparisons, heading))
    write_text(out / PAGE, page(heading, "\n".join(parts), style=style))
    return out / PAGE


def _body(comparison: Comparison, seed: int) -> str:
    return "\n".join(
        [
            sections.opening(comparison),
            '<h2 class="part">What they draw</h2>',
            sections.gallery(comparison, seed),
            '<h2 class="part">How they score</h2>',
            tables.score_chart(comparison),
            tables.score_table(comparison),
            seeds.seeds_table(comparison),
            sections.walks(comparison, seed),
            sections.closest(comparison, seed),
            '<h2 class="part">What they cost</h2>',
            tables.cost_table(comparison),
            tables.cost_charts(comparison),
            sections.curves(comparison),
            sections.models(comparison),
            sections.protocol(comparison),
        ]
    )
