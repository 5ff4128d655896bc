"""An analysis as one page that opens anywhere, and as JSON."""

from __future__ import annotations

import math
from html import escape
from importlib.resources import files
from pathlib import Path

from diorama import __version__
from diorama.core.files import write_json, write_text
from diorama.study.analysis.findings import Analysis, Estimates, Grid, Section, Shown
from diorama.study.analysis.text import cell_words, estimate_words
from diorama.web.charts import IntervalRow, interval_chart
from diorama.web.page import breakable, page

PAGE, NUMBERS = "study.html", "study.json"
_MOST_ROWS = 400


def write_analysis(analysis: Analysis, out: Path) -> Path:
    """Write ``study.html`` and ``study.json``.

    Args:
        analysis: what they hold.
        out: the folder.

    Returns:
        The page's path.
    """
    write_json(out / NUMBERS, analysis.to_json())
    heading = f"What people judged: {analysis.source}"
    style = files("diorama.study.analysis").joinpath("analysis.css").read_text(encoding="utf-8")
    write_text(out / PAGE, page(heading, _body(analysis, heading), style=style))
    return out / PAGE


def _body(analysis: Analysis, heading: str) -> str:
    facts = {
        "Read as": analysis.layout,
        "Intervals": f"{100 * analysis.level:g} %",
        "File": f"SHA-256 {analysis.sha256[:12]}…",
        "Command": analysis.command,
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items() if value)
    warning = ""
    if analysis.simulated:
        warning = '<div class="warnings" role="note">The raters are simulated: no person judged anything here.</div>'
    links = "".join(f'<a href="#{_anchor(section)}">{escape(section.title)}</a>' for section in analysis.sections)
    contents = f'<nav aria-label="Sections">{links}</nav>' if len(analysis.sections) > 1 else ""
    parts = [
        f'<p class="brand">Diorama</p><h1>{breakable(heading)}</h1>{warning}<dl class="facts">{cells}</dl>',
        contents,
        _list(analysis.notes),
        *(_section(section, analysis.level) for section in analysis.sections),
    ]
    if analysis.methods:
        parts.append(f"<h2>Methods</h2><p>{escape(' '.join(analysis.methods))}</p>")
    parts.append(
        f"<footer>Written by Diorama {escape(__version__)}. All numbers, also of rows that this page leaves out: "
        f"<code>{NUMBERS}</code> beside it.</footer>"
    )
    return "\n".join(parts)


def _anchor(section: Section) -> str:
    return "".join(c if c.isalnum() else "-" for c in section.name)


def _list(sentences: tuple[str, ...]) -> str:
    if not sentences:
        return ""
    return f'<ul class="notes">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>'


def _section(section: Section, level: float) -> str:
    lead = f'<p class="lede">{escape(section.lead)}</p>' if section.lead else ""
    shown = "".join(_shown(each, level) for each in section.shown)
    return f'<h2 id="{_anchor(section)}">{escape(section.title)}</h2>{lead}{_list(section.notes)}{shown}'


def _shown(shown: Shown, level: float) -> str:
    if isinstance(shown, Grid):
        return _grid(shown)
    table = _estimates(shown, level)
    chart = _chart(shown) if shown.chart else ""
    if chart:
        return f"{chart}<details><summary>{escape(shown.title)} in numbers</summary>{table}</details>"
    if shown.folded:
        return f"<details><summary>{escape(shown.title)}</summary>{table}</details>"
    return f"<h3>{escape(shown.title)}</h3>{table}"


def _chart(table: Estimates) -> str:
    rows = [
        IntervalRow(name=row.name, value=row.value, low=row.low, high=row.high, colour=i)
        for i, row in enumerate(table.rows)
        if all(map(math.isfinite, (row.value, row.low, row.high)))
    ]
    return interval_chart(rows, title=table.title, note=table.note)


def _estimates(table: Estimates, level: float) -> str:
    errors = any(math.isfinite(row.error) for row in table.rows)
    heads = ["value", f"{100 * level:g} % interval", *(["standard error, answers independent"] if errors else [])]
    head = "<th scope='col'></th>" + "".join(f'<th class="number" scope="col">{name}</th>' for name in heads)
    body = ""
    for row in table.rows[:_MOST_ROWS]:
        cells = [*estimate_words(row.value, row.low, row.high), *([cell_words(row.error)] if errors else [])]
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        body += f'<tr><th scope="row">{escape(row.name)}</th>{numbers}</tr>'
    return _table(table.title, head, body, len(table.rows), table.note)


def _grid(grid: Grid) -> str:
    numbers = [all(not isinstance(row[i], str) for row in grid.rows) for i in range(len(grid.columns))]
    head = "".join(
        f'<th scope="col"{_class(number)}>{escape(name)}</th>'
        for name, number in zip(grid.columns, numbers, strict=True)
    )
    body = ""
    for row in grid.rows[:_MOST_ROWS]:
        cells = "".join(
            f"<td{_class(number)}>{escape(cell_words(cell))}</td>" for cell, number in zip(row, numbers, strict=True)
        )
        body += f"<tr>{cells}</tr>"
    table = _table(grid.title, head, body, len(grid.rows), grid.note)
    if grid.folded:
        return f"<details><summary>{escape(grid.title)} ({len(grid.rows):,})</summary>{table}</details>"
    return f"<h3>{escape(grid.title)}</h3>{table}"


def _class(number: bool) -> str:
    return ' class="number"' if number else ""


def _table(title: str, head: str, body: str, count: int, note: str) -> str:
    cut = f" The first {_MOST_ROWS:,} of {count:,} rows." if count > _MOST_ROWS else ""
    below = f'<p class="soft">{escape(note + cut)}</p>' if note or cut else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>{below}"
    )
