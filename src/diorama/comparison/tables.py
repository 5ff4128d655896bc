"""The report's numbers: scores with their intervals, and what each generator cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.ranking import Group, first_ranked, groups, ranks, references, untrained, value_and_interval
from diorama.comparison.verdict import starred
from diorama.comparison.words import described, title, training_names
from diorama.core.durations import clock_words, count_words, energy_words
from diorama.core.numbers import number_words
from diorama.evaluation.protocol import Result
from diorama.web.charts import COLOURS, IntervalRow, Point, interval_chart, point_chart
from diorama.web.plot import TickWords

_GREY = COLOURS - 1
"""The last place of the palette; the places before it are coloured, and taken in turn."""

Cost = Callable[[Column], float | None]
"""What a generator cost; nothing where that is not known."""

_REFERENCES = "Baselines"


def colours(comparison: Comparison) -> dict[str, int]:
    """Every generator's place in the palette, however it is drawn; what does not compete shares the last, grey."""
    competing = dict.fromkeys(column.generator for column in comparison.columns if column.traits.competes)
    places = {generator: i % _GREY for i, generator in enumerate(competing)}
    return {column.name: places.get(column.generator, _GREY) for column in comparison.columns}


def score_chart(comparison: Comparison) -> str:
    """The first metric with its interval, best first, of every generator and of what all are held against."""
    if not comparison.metrics:
        return ""
    metric, palette = comparison.metrics[0], colours(comparison)
    apart = _apart(comparison)
    about = described(comparison, metric)
    known = [
        (result, column)
        for column in comparison.columns
        if column.traits.baseline_of != "own" and (result := column.result(metric)) is not None
    ]
    known.sort(key=lambda pair: pair[0].value, reverse=about.better == "higher")
    rows = [
        IntervalRow(
            name=title(column),
            value=result.value,
            low=result.interval.low,
            high=result.interval.high,
            colour=palette[column.name],
            floor=column.traits.baseline_of == "all",
            hollow=column.name in apart,
        )
        for result, column in known
    ]
    floor = "".join(f" The dashed line is the {row.name}." for row in rows if row.floor)
    rings = " Rings are of other budgets, and not ranked." if any(row.hollow for row in rows) else ""
    note = f"{about.meaning} {about.better.capitalize()} is better.{floor}{rings}"
    return interval_chart(rows, title=f"{about.title} ({metric})", note=note)


def _apart(comparison: Comparison) -> set[str]:
    """Names of the generators that are not ranked with the first group."""
    ranked = first_ranked(comparison)
    with_it = {column.name for column in ranked.columns} if ranked else set()
    return {column.name for column in comparison.columns if column.traits.competes} - with_it


def score_table(comparison: Comparison) -> str:
    """All metrics, best first by the main one, generators of one budget together; the untrained are folded away."""
    made = [*groups(comparison), Group(title=_REFERENCES, columns=references(comparison))]
    made = [group for group in made if group.columns]
    before = untrained(comparison)
    star = " ★ marks the best generator by the estimate; where intervals overlap, the order is not settled."
    star = star if any(starred(comparison, metric) for metric in comparison.metrics) else ""
    about = [described(comparison, metric) for metric in comparison.metrics]
    outside = " ".join(dict.fromkeys(known.outside for known in about if known.outside))
    folded = ""
    if before:
        rows = Group(title="", columns=before)
        folded = (
            f"<details><summary>Before training ({len(before)})</summary>"
            f"{_scores(comparison, [rows], label='Scores before training')}</details>"
        )
    return (
        f"{_scores(comparison, made, label='Scores')}"
        f'<p class="soft">Below each value stands its 95 % interval.{star} {outside}</p>{folded}'
    )


def _scores(comparison: Comparison, made: Sequence[Group], *, label: str) -> str:
    metrics = comparison.metrics
    head = "".join(_metric_head(comparison, metric) for metric in metrics)
    winners = {metric: starred(comparison, metric) for metric in metrics}
    places = ranks(comparison)
    bodies = "".join(
        f"<tbody>{_group_row(group, len(metrics)) if len(made) > 1 else ''}"
        + "".join(_score_row(column, metrics, winners, places.get(column.name)) for column in group.columns)
        + "</tbody>"
        for group in made
    )
    return _table(f"<tr><th scope='col'>Generator</th>{head}</tr>", bodies, label)


def _metric_head(comparison: Comparison, metric: str) -> str:
    known = described(comparison, metric)
    return (
        f'<th class="number" scope="col" title="{escape(known.meaning)}">{escape(known.title)}&nbsp;'
        f"{known.arrow}<br><code>{escape(metric)}</code></th>"
    )


def _group_row(group: Group, cells: int) -> str:
    why = f"<small>not ranked: {escape(group.unranked)}</small>" if group.unranked else ""
    words = f"<span>{escape(group.title)}{why}</span>"
    return f'<tr class="group"><th scope="rowgroup" colspan="{cells + 1}">{words}</th></tr>'


def _score_row(column: Column, metrics: list[str], winners: dict[str, Column | None], place: int | None) -> str:
    cells = "".join(_score_cell(column.result(m), winners[m] is column) for m in metrics)
    row = "<tr>" if column.traits.competes else '<tr class="reference">'
    number = "" if place is None else f'<span class="place">{place}.</span> '
    return f'{row}<th scope="row">{number}{escape(title(column))}</th>{cells}</tr>'


def _score_cell(result: Result | None, is_best: bool) -> str:
    if result is None:
        return '<td class="number">—</td>'
    value, interval = value_and_interval(result)
    mark = " best" if is_best else ""
    return f'<td class="number{mark}">{value}<span class="interval-words">{interval}</span></td>'


def _table(head: str, bodies: str, label: str) -> str:
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="scores">'
        f"<thead>{head}</thead>{bodies}</table></div>"
    )


def cost_table(comparison: Comparison) -> str:
    """Parameters, training time, energy and drawing speed, in the order of the scores."""
    ordered = [*(c for group in groups(comparison) for c in group.columns), *references(comparison)]
    columns = [c for c in ordered if c.traits.has_costs]
    head = "".join(
        f'<th class="number" scope="col">{name}</th>'
        for name in ("Parameters", "Seen", "Training", "Energy", "Drawing")
    )
    rows = "".join(f'<tr><th scope="row">{escape(title(c))}</th>{_cost_cells(c)}</tr>' for c in columns)
    sources = list(dict.fromkeys(c.history.energy for c in columns if c.history is not None and c.history.energy))
    note = f'<p class="soft">Energy: {escape("; ".join(sources))}.</p>' if sources else ""
    head = f'<tr><th scope="col">Generator</th>{head}</tr>'
    return _table(head, f"<tbody>{rows}</tbody>", "Costs") + note


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


def cost_charts(comparison: Comparison) -> str:
    """The first metric against seconds and joules of training, and against the time that drawing takes."""
    if not comparison.metrics:
        return ""
    metric = comparison.metrics[0]
    about = described(comparison, metric)
    everyone, trained = _scored(comparison, metric), _best_drawn(comparison, metric)
    axes: tuple[tuple[str, Sequence[Column], Cost, TickWords], ...] = (
        ("training time", trained, lambda c: c.history.seconds if c.history else None, clock_words),
        ("energy of training", trained, lambda c: c.history.joules if c.history else None, energy_words),
        ("time to draw 1,000", everyone, _drawing_time, clock_words),
    )
    charts = [
        point_chart(
            _points(comparison, metric, columns, cost),
            title=f"{about.title} against {name}",
            x=name,
            y=f"{metric} {about.arrow}",
            words=words,
            floor=_floor(comparison, metric),
        )
        for name, columns, cost, words in axes
    ]
    shown = "".join(charts)
    fewer = len(trained) < len(everyone)
    note = '<p class="soft">Of a run that was drawn with several samplers the best stands above its training.</p>'
    return f'<div class="charts">{shown}</div>{note if fewer else ""}' if shown else ""


def _drawing_time(column: Column) -> float | None:
    """Seconds for 1,000 samples."""
    return 1_000 / column.samples_per_second if column.samples_per_second else None


def _scored(comparison: Comparison, metric: str) -> list[Column]:
    return [column for column in comparison.columns if column.traits.competes and column.result(metric) is not None]


def _best_drawn(comparison: Comparison, metric: str) -> list[Column]:
    """Every generator once: of one that is drawn in several ways, the best."""

    def value(column: Column) -> float:
        result = column.result(metric)
        assert result is not None
        return result.value

    best: dict[str, Column] = {}
    lower = described(comparison, metric).better == "lower"
    for column in sorted(_scored(comparison, metric), key=value, reverse=not lower):
        best.setdefault(column.generator, column)
    return [*best.values()]


def _points(comparison: Comparison, metric: str, columns: Sequence[Column], cost: Cost) -> list[Point]:
    palette, apart = colours(comparison), _apart(comparison)
    scored = [(column, column.result(metric), cost(column)) for column in columns]
    ways, names = Counter(column.generator for column in columns), training_names(comparison)
    return [
        Point(
            # The line's name in the legend says whose sampler it is.
            name=column.sampler if ways[column.generator] > 1 else title(column),
            line=names[column.generator] if ways[column.generator] > 1 else "",
            x=spent,
            y=result.value,
            low=result.interval.low,
            high=result.interval.high,
            colour=palette[column.name],
            hollow=column.name in apart,
        )
        for column, result, spent in scored
        if result is not None and spent
    ]


def _floor(comparison: Comparison, metric: str) -> tuple[str, float] | None:
    floors = [
        (title(c), r.value) for c in references(comparison) if c.traits.baseline_of == "all" and (r := c.result(metric))
    ]
    return floors[0] if floors else None
