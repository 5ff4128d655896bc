"""An analysis as lines of plain text, for terminals."""

from __future__ import annotations

import math
from collections.abc import Iterator

from diorama.core.numbers import interval_words, number_words
from diorama.core.text_table import aligned
from diorama.study.analysis.findings import Analysis, Cell, Estimates, Grid, Section

_MOST_ROWS = 20


def analysis_lines(analysis: Analysis) -> Iterator[str]:
    """What a file was taken for, what was found, and what was done where the data forced a choice."""
    yield f"{analysis.source}: {analysis.layout}"
    if analysis.simulated:
        yield "The raters are simulated: no person judged anything here."
    yield from analysis.notes
    for section in analysis.sections:
        yield ""
        yield from _section_lines(section, analysis.level)
    if analysis.methods:
        yield ""
        yield "Methods: " + " ".join(analysis.methods)


def _section_lines(section: Section, level: float) -> Iterator[str]:
    yield section.title
    yield "=" * len(section.title)
    if section.lead:
        yield section.lead
    yield from section.notes
    for shown in section.shown:
        if isinstance(shown, Grid) and shown.folded:
            yield ""
            yield f"{shown.title}: {len(shown.rows):,} rows, in the report"
            continue
        yield ""
        yield from _estimate_lines(shown, level) if isinstance(shown, Estimates) else _grid_lines(shown)


def _estimate_lines(table: Estimates, level: float) -> Iterator[str]:
    yield f"{table.title}:"
    rows = []
    for row in table.rows[:_MOST_ROWS]:
        value, interval = estimate_words(row.value, row.low, row.high)
        rows.append((f"  {row.name}", value, interval))
    if any(interval for _, _, interval in rows):
        rows.insert(0, ("", "value", f"{100 * level:g} % interval"))
    yield from aligned(rows, (1,))
    yield from _more(len(table.rows))
    if table.note:
        yield f"  {table.note}"


def _grid_lines(grid: Grid) -> Iterator[str]:
    yield f"{grid.title}:"
    rows = [(f"  {grid.columns[0]}", *grid.columns[1:])]
    for row in grid.rows[:_MOST_ROWS]:
        first, *others = (cell_words(cell) for cell in row)
        rows.append((f"  {first}", *others))
    numbers = [i for i in range(1, len(grid.columns)) if all(not isinstance(row[i], str) for row in grid.rows)]
    yield from aligned(rows, numbers)
    yield from _more(len(grid.rows))
    if grid.note:
        yield f"  {grid.note}"


def _more(count: int) -> Iterator[str]:
    if count > _MOST_ROWS:
        yield f"  … and {count - _MOST_ROWS:,} more, in the report"


def estimate_words(value: float, low: float, high: float) -> tuple[str, str]:
    """A value, and its interval; empty where there is none."""
    if math.isfinite(low) and math.isfinite(high):
        written = interval_words(value, low, high)
        return written[0], f"{written[1]} – {written[2]}"
    return number_words(value), ""


def cell_words(cell: Cell) -> str:
    """A cell of a table."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    return "<0.001" if 0 < cell < 0.001 else number_words(cell)
