"""The report's numbers: scores with their intervals, and what each generator cost."""

from __future__ import annotations

from html import escape

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.words import described, starred, title
from diorama.core.durations import clock_words, count_words, energy_words
from diorama.evaluation.protocol import Result
from diorama.web.charts import COLOURS, IntervalRow, interval_chart, number_words

_GREY = COLOURS - 1
"""The last place of the palette; the places before it are coloured, and taken in turn."""


def colours(comparison: Comparison) -> dict[str, int]:
    """Every generator's place in the palette; what does not compete shares the last, grey."""
    competing = [column.name for column in comparison.columns if column.traits.competes]
    places = {name: i % _GREY for i, name in enumerate(competing)}
    return {column.name: places.get(column.name, _GREY) for column in comparison.columns}


def score_chart(comparison: Comparison) -> str:
    """The first metric of every column with its interval, best first."""
    if not comparison.metrics:
        return ""
    metric, palette = comparison.metrics[0], colours(comparison)
    pairs = [(column.result(metric), column) for column in comparison.columns]
    known = [(result, column) for result, column in pairs if result is not None]
    about = described(comparison, metric)
    known.sort(key=lambda pair: pair[0].value, reverse=about.better == "higher")
    rows = [
        IntervalRow(
            name=title(column),
            value=result.value,
            low=result.interval.low,
            high=result.interval.high,
            colour=palette[column.name],
            floor=column.traits.baseline_of == "all",
        )
        for result, column in known
    ]
    floor = "".join(f" The dashed line is the {row.name}." for row in rows if row.floor)
    note = f"{about.meaning} {about.better.capitalize()} is better.{floor}"
    return interval_chart(rows, title=f"{about.title} ({metric})", note=note)


def score_table(comparison: Comparison) -> str:
    """All metrics of all columns; the best generator of each metric is marked."""
    metrics = comparison.metrics
    winners = {metric: starred(comparison, metric) for metric in metrics}
    about = {metric: described(comparison, metric) for metric in metrics}
    head = "".join(
        f'<th class="number" scope="col" title="{escape(known.meaning)}">{escape(known.title)} '
        f"{'↓' if known.better == 'lower' else '↑'}<br><code>{escape(metric)}</code></th>"
        for metric, known in about.items()
    )
    rows = "".join(_score_row(column, metrics, winners) for column in comparison.columns)
    star = " ★ marks the best generator by the estimate; where intervals overlap, the order is not settled."
    star = star if any(winners.values()) else ""
    outside = " ".join(dict.fromkeys(known.outside for known in about.values() if known.outside))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Scores"><table class="scores">'
        f"<thead><tr><th scope='col'>Generator</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="soft">Below each value stands its 95 % interval.{star} {outside}</p>'
    )


def _score_row(column: Column, metrics: list[str], winners: dict[str, Column | None]) -> str:
    cells = "".join(_score_cell(column.result(m), winners[m] is column) for m in metrics)
    row = "<tr>" if column.traits.competes else '<tr class="reference">'
    origin = f"<small>{escape(column.traits.caption)}</small>" if column.traits.given else ""
    return f'{row}<th scope="row">{escape(title(column))}{origin}</th>{cells}</tr>'


def _score_cell(result: Result | None, is_best: bool) -> str:
    if result is None:
        return '<td class="number">—</td>'
    words = f"{number_words(result.interval.low)} – {number_words(result.interval.high)}"
    mark = " best" if is_best else ""
    return f'<td class="number{mark}">{number_words(result.value)}<span class="interval-words">{words}</span></td>'


def cost_table(comparison: Comparison) -> str:
    """Parameters, training time, energy and drawing speed."""
    columns = [c for c in comparison.columns if c.traits.has_costs]
    head = "".join(
        f'<th class="number" scope="col">{name}</th>'
        for name in ("Parameters", "Seen", "Training", "Energy", "Drawing")
    )
    rows = "".join(f'<tr><th scope="row">{escape(title(c))}</th>{_cost_cells(c)}</tr>' for c in columns)
    sources = list(dict.fromkeys(c.history.energy for c in columns if c.history is not None and c.history.energy))
    note = f'<p class="soft">Energy: {escape("; ".join(sources))}.</p>' if sources else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Costs"><table class="scores"><thead><tr>'
        f'<th scope="col">Generator</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}'
    )


def _cost_cells(column: Column) -> str:
    history, speed = column.history, column.samples_per_second
    cells = [
        count_words(column.parameters) if column.parameters is not None else "—",
        count_words(history.images) if history is not None else "—",
        clock_words(history.seconds) if history is not None else "—",
        energy_words(history.joules) if history is not None else "—",
        f"{number_words(speed)}/s" if speed is not None else "—",
    ]
    return "".join(f'<td class="number">{cell}</td>' for cell in cells)
