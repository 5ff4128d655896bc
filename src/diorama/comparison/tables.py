"""The report's numbers: scores with their intervals, and what each generator cost."""

from __future__ import annotations

from html import escape

from diorama.comparison.columns import KIND_WORDS, Column, Comparison
from diorama.comparison.words import competes, described, starred, title
from diorama.core.durations import clock_words, count_words, energy_words
from diorama.evaluation.protocol import Result
from diorama.web.charts import IntervalRow, interval_chart, number_words


def colours(comparison: Comparison) -> dict[str, int]:
    """Every generator's place in the palette; the floor, untrained selves and real records share the last, grey."""
    shown = [column.name for column in comparison.columns if competes(column)]
    places = {name: i % 7 for i, name in enumerate(shown)}
    return {column.name: places.get(column.of or column.name, 7) for column in comparison.columns}


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
            colour=palette[column.name] if column.kind != "untrained" else 7,
            floor=column.kind == "mixture",
        )
        for result, column in known
    ]
    floor = " The dashed line is the Gaussian mixture." if any(row.floor for row in rows) else ""
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
    aside = "" if competes(column) else ' class="aside"'
    kind = f"<small>{escape(KIND_WORDS[column.kind])}</small>" if column.kind in ("loaded", "samples") else ""
    return f'<tr{aside}><th scope="row">{escape(title(column))}{kind}</th>{cells}</tr>'


def _score_cell(result: Result | None, is_best: bool) -> str:
    if result is None:
        return '<td class="number">—</td>'
    words = f"{number_words(result.interval.low)} – {number_words(result.interval.high)}"
    mark = " best" if is_best else ""
    return f'<td class="number{mark}">{number_words(result.value)}<span class="interval-words">{words}</span></td>'


def cost_table(comparison: Comparison) -> str:
    """Parameters, training time, energy and drawing speed."""
    columns = [c for c in comparison.columns if c.kind in ("trained", "loaded", "mixture")]
    head = "".join(
        f'<th class="number" scope="col">{name}</th>'
        for name in ("Parameters", "Seen", "Training", "Energy", "Drawing")
    )
    rows = "".join(f'<tr><th scope="row">{escape(title(c))}</th>{_cost_cells(c)}</tr>' for c in columns)
    sources = list(dict.fromkeys(c.story.energy for c in columns if c.story is not None and c.story.energy))
    note = f'<p class="soft">Energy: {escape("; ".join(sources))}.</p>' if sources else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Costs"><table class="scores"><thead><tr>'
        f'<th scope="col">Generator</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}'
    )


def _cost_cells(column: Column) -> str:
    story, speed = column.story, column.samples_per_second
    cells = [
        count_words(column.parameters) if column.parameters is not None else "—",
        count_words(story.images) if story is not None else "—",
        clock_words(story.seconds) if story is not None else "—",
        energy_words(story.joules) if story is not None else "—",
        f"{number_words(speed)}/s" if speed is not None else "—",
    ]
    return "".join(f'<td class="number">{cell}</td>' for cell in cells)
