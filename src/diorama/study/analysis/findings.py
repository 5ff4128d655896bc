"""What an analysis found, as values that pages, texts and JSON show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = "diorama-study/1"

Cell = str | int | float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval.

    Args:
        name: of what it is an estimate.
        value: no number where it cannot be had.
        low: lower end; no number where there is no interval.
        high: upper end.
        error: standard error under independent judgements; no number where it is not told.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    error: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Estimates of one kind, in a chart and a table.

    Args:
        name: for other programs.
        title: for people.
        rows: the estimates.
        note: below them: the scale, and what intervals are over.
        chart: draw them.
        folded: behind a click, since another table says the same in other units.
    """

    name: str
    title: str
    rows: tuple[Estimate, ...]
    note: str = ""
    chart: bool = True
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of cells.

    Args:
        name: for other programs.
        title: for people.
        columns: heads.
        rows: as many cells each.
        note: below it.
        folded: behind a click, since it is long.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False


Shown = Estimates | Grid


@dataclass(frozen=True, kw_only=True)
class Section:
    """What was found of one kind of judgements.

    Args:
        name: for other programs.
        title: for people.
        lead: the main finding in a sentence or two.
        shown: tables and charts.
        notes: what was done where the data forced a choice.
    """

    name: str
    title: str
    lead: str = ""
    shown: tuple[Shown, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """All that a file of judgements says.

    Args:
        source: its name.
        sha256: of its content.
        layout: what it was taken for.
        simulated: the raters are a program.
        notes: of reading it.
        sections: what was found.
        level: of the intervals.
        command: that asked for it; empty where it was no command.
        methods: how it was computed, for a methods section.
    """

    source: str
    sha256: str
    layout: str
    simulated: bool
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    level: float = 0.95
    command: str = ""
    methods: tuple[str, ...] = field(default=())

    def section(self, name: str) -> Section:
        """A section by its name.

        Raises:
            KeyError: there is none.
        """
        return {section.name: section for section in self.sections}[name]

    def to_json(self) -> dict[str, Any]:
        """Every number; what is no number becomes ``null``."""
        return {
            "format": FORMAT,
            "source": {"file": self.source, "sha256": self.sha256, "layout": self.layout},
            "simulated": self.simulated,
            "level": self.level,
            "command": self.command,
            "notes": list(self.notes),
            "methods": list(self.methods),
            "sections": [_section_json(section) for section in self.sections],
        }


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "lead": section.lead,
        "notes": list(section.notes),
        "estimates": {each.name: _estimates_json(each) for each in section.shown if isinstance(each, Estimates)},
        "tables": {each.name: _grid_json(each) for each in section.shown if isinstance(each, Grid)},
    }


def _estimates_json(table: Estimates) -> dict[str, Any]:
    rows: list[Mapping[str, Any]] = [
        {
            "name": row.name,
            "value": _number(row.value),
            "low": _number(row.low),
            "high": _number(row.high),
            "standard_error": _number(row.error),
        }
        for row in table.rows
    ]
    return {"title": table.title, "note": table.note, "rows": rows}


def _grid_json(grid: Grid) -> dict[str, Any]:
    rows = [[_number(cell) if isinstance(cell, float) else cell for cell in row] for row in grid.rows]
    return {"title": grid.title, "note": grid.note, "columns": list(grid.columns), "rows": rows}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
