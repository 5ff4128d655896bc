"""Who may be ranked against whom: generators of one budget among themselves, all others listed apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diorama.comparison.columns import Column, Comparison, TrainingHistory
from diorama.comparison.words import described, title
from diorama.core.durations import Budget, count_words
from diorama.core.numbers import interval_words, number_words
from diorama.core.text_table import aligned
from diorama.evaluation.protocol import Result
from diorama.training.recipe import Recipe, length_is_free

_SAME = 0.05
"""Share by which images seen may differ within one budget: runs end after whole steps."""

_NUMBERS = (0, 2, 4, 5, 6)
"""Columns of the ranking whose cells end at the same place; the name and the interval begin there."""

_OVER, _EARLY = 1.1, 0.9
"""Shares of a time budget above which a training had more, and below which one that ended by itself had less."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Generators that stand together in tables.

    Args:
        title: what they share.
        columns: best first by the main metric; those without it last.
        unranked: why their order is no ranking; empty where it is one.
    """

    title: str
    columns: tuple[Column, ...]
    unranked: str = ""


def kept_budget(budget: Budget, recipe: Recipe, history: TrainingHistory | None) -> bool:
    """Whether a training took what it was given: no less because it ended by itself, no more because it had gone on
    for longer in an earlier comparison.

    Args:
        budget: of each training.
        recipe: what was trained.
        history: what it took; ``None`` where nothing was logged, and nobody can say.
    """
    if history is None:
        return False
    if budget.images is not None:
        return abs(history.images - budget.images) <= max(_SAME * budget.images, recipe.batch_size)
    assert budget.seconds is not None
    # A second for the step, and the saving, during which the time ran out.
    if history.seconds > _OVER * budget.seconds + 1:
        return False
    ended = not length_is_free(recipe) and history.images >= recipe.images
    return not (ended and history.seconds < _EARLY * budget.seconds)


def groups(comparison: Comparison) -> list[Group]:
    """The competing generators by what may be held against what, each group best first."""
    competing = _sorted(comparison, [c for c in comparison.columns if c.traits.competes])
    trained = [c for c in competing if c.traits.budget == "gave"]
    made = {
        f"Trained here, {comparison.budget} each": ([c for c in trained if c.kept_budget], ""),
        "Trained here on another budget": (
            [c for c in trained if not c.kept_budget],
            f"they had more or less than {comparison.budget}, or no log that says what they had",
        ),
        "Finished runs and models, as they are": _finished(
            [c for c in competing if c.traits.budget == "own"], beside=bool(trained)
        ),
        "Samples of other people": (
            [c for c in competing if c.traits.budget == "unknown"],
            "nobody here knows what they cost",
        ),
    }
    return [Group(title=name, columns=tuple(who), unranked=why) for name, (who, why) in made.items() if who]


def _finished(columns: list[Column], *, beside: bool) -> tuple[list[Column], str]:
    """Finished runs, and why they are not ranked among themselves; nothing where all saw as many images.

    One alone is told why it is not ranked with those that were trained here, ``beside`` it.
    """
    if len(columns) == 1:
        return columns, "it had a budget of its own" if beside else ""
    seen = [column.history.images for column in columns if column.history is not None]
    if len(seen) < len(columns):
        return columns, "it is not known what each of them cost"
    if seen and max(seen) - min(seen) > _SAME * max(seen):
        return columns, f"they saw between {count_words(min(seen))} and {count_words(max(seen))} images"
    return columns, ""


def first_ranked(comparison: Comparison) -> Group | None:
    """The group whose best is called the best."""
    return next((group for group in groups(comparison) if not group.unranked), None)


def references(comparison: Comparison) -> tuple[Column, ...]:
    """What all are held against: the floor and held-out records, best first."""
    return tuple(_sorted(comparison, [c for c in comparison.columns if not c.traits.competes and not _is_untrained(c)]))


def untrained(comparison: Comparison) -> tuple[Column, ...]:
    """The networks as they were before training, best first."""
    return tuple(_sorted(comparison, [c for c in comparison.columns if _is_untrained(c)]))


def _is_untrained(column: Column) -> bool:
    return column.traits.baseline_of == "own"


def _sorted(comparison: Comparison, columns: Sequence[Column]) -> list[Column]:
    metric = comparison.metrics[0] if comparison.metrics else ""
    lower = described(comparison, metric).better == "lower"

    def key(column: Column) -> tuple[bool, float]:
        result = column.result(metric)
        return result is None, 0.0 if result is None else result.value if lower else -result.value

    return sorted(columns, key=key)


def ranks(comparison: Comparison) -> Mapping[str, int]:
    """Places by column name, from 1, of those that have another of their budget and the main metric to be held
    against; equal values share a place."""
    metric = comparison.metrics[0] if comparison.metrics else ""
    places: dict[str, int] = {}
    for group in groups(comparison):
        scored = [(column.name, result.value) for column in group.columns if (result := column.result(metric))]
        if group.unranked or len(scored) < 2:
            continue
        values = [value for _, value in scored]
        places |= {name: values.index(value) + 1 for name, value in scored}
    return places


def ranking_lines(comparison: Comparison) -> list[str]:
    """The ranking as a table of plain text: place, name, main metric with its interval, seconds and joules of
    training, and samples drawn a second."""
    if not comparison.metrics:
        return []
    metric, places = comparison.metrics[0], ranks(comparison)
    records = "clips/s" if comparison.data.media.kind == "video" else "pictures/s"
    head = (
        "rank",
        "generator",
        f"{metric} {described(comparison, metric).arrow}",
        "95 % interval",
        "seconds",
        "joules",
        records,
    )
    made: list[tuple[str, ...] | str] = [head]
    several = [*groups(comparison), Group(title="Baselines", columns=references(comparison))]
    for group in several:
        if group.columns:
            made.append(f"{group.title} (not ranked: {group.unranked})" if group.unranked else group.title)
            made += [_cells(column, metric, places) for column in group.columns]
    return [*_aligned(made), *_remarks(comparison, metric)]


def _remarks(comparison: Comparison, metric: str) -> list[str]:
    """What a reader of the table must know: that intervals may overlap, why a value may lie outside its own, and how
    joules were found."""
    results = [result for column in comparison.columns if (result := column.result(metric)) is not None]
    outside = described(comparison, metric).outside
    strayed = any(not r.interval.low <= r.value <= r.interval.high for r in results)
    several = any(column.seeds for column in comparison.columns)
    by_chance = ["Of recipes trained from several seeds: means, with intervals over the trainings."] if several else []
    settled = ["Where intervals overlap, the order is not settled."] if ranks(comparison) else []
    energy = {column.history.energy for column in comparison.columns if column.history is not None} - {""}
    measured = [f"Joules: {', '.join(sorted(energy))}."] if energy else []
    return [*by_chance, *settled, *([outside] if strayed and outside else []), *measured]


def _cells(column: Column, metric: str, places: Mapping[str, int]) -> tuple[str, ...]:
    result, history, speed = column.result(metric), column.history, column.samples_per_second
    value, interval = ("–", "") if result is None else value_and_interval(result)
    return (
        str(places.get(column.name, "–")),
        title(column),
        value,
        interval,
        f"{history.seconds:,.1f}" if history is not None else "–",
        f"{history.joules:,.0f}" if history is not None else "–",
        number_words(speed) if speed is not None else "–",
    )


def value_and_interval(result: Result) -> tuple[str, str]:
    """``("11.0", "10.4 – 11.6")``"""
    value, low, high = interval_words(result.value, result.interval.low, result.interval.high)
    return value, f"{low} – {high}"


def _aligned(rows: Sequence[tuple[str, ...] | str]) -> list[str]:
    """Cells in columns, numbers to the right; a row of one text stands as it is."""
    lines = iter(aligned([row for row in rows if not isinstance(row, str)], _NUMBERS))
    return [row if isinstance(row, str) else next(lines) for row in rows]
