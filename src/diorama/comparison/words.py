"""What a report says in sentences: names, verdicts, the way things were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diorama.comparison.columns import Column, Comparison
from diorama.evaluation.protocol import Result, clearly_below


@dataclass(frozen=True)
class Description:
    """What a report says of a metric.

    Args:
        title: as a table's head.
        better: which way is better.
        meaning: one sentence for those who have not met it.
        outside: why a value may lie outside its interval; empty where it cannot.
    """

    title: str
    better: Literal["lower", "higher"]
    meaning: str = ""
    outside: str = ""


def described(comparison: Comparison, metric: str) -> Description:
    """What the catalog of the comparison says of a metric; one that it does not know (of an old run, say) keeps its
    name."""
    known = comparison.catalog.find(metric)
    if known is None:
        return Description(metric, "higher")
    return Description(known.title, known.entry.better, known.entry.meaning, known.entry.outside)


def title(column: Column) -> str:
    """What a column is called: a system by its title, a finished run or samples by the name they were given."""
    if column.traits.title:
        return column.traits.title
    entry = column.entry
    if column.trained_column:
        return f"{entry.title if entry is not None else column.trained_column}, untrained"
    return entry.title if entry is not None and column.name == entry.name else column.name


def best(comparison: Comparison, metric: str) -> Column | None:
    """The generator that did best by the estimate; ``None`` where none was measured, or the best are equal."""
    known = [(result.value, column) for column, result in _scored(comparison, metric) if column.traits.competes]
    if not known:
        return None
    first = (min if described(comparison, metric).better == "lower" else max)(value for value, _ in known)
    winners = [column for value, column in known if value == first]
    return winners[0] if len(winners) == 1 else None


def starred(comparison: Comparison, metric: str) -> Column | None:
    """The best generator, where there is another to be better than."""
    several = sum(column.traits.competes for column, _ in _scored(comparison, metric)) > 1
    return best(comparison, metric) if several else None


def _scored(comparison: Comparison, metric: str) -> list[tuple[Column, Result]]:
    results = [(column, column.result(metric)) for column in comparison.columns]
    return [(column, result) for column, result in results if result is not None]


def verdict(comparison: Comparison) -> list[str]:
    """What the numbers allow to be said, in sentences."""
    if not comparison.metrics:
        return []
    metric = comparison.metrics[0]
    winner = best(comparison, metric)
    if winner is None:
        return []
    return [_closest(comparison, metric, winner), *_against_baselines(comparison, metric)]


def _closest(comparison: Comparison, metric: str, winner: Column) -> str:
    first = winner.result(metric)
    assert first is not None
    lower = described(comparison, metric).better == "lower"
    ahead = [
        title(column)
        for column, result in _scored(comparison, metric)
        if column.traits.baseline_of != "nobody"
        and (result.value <= first.value if lower else result.value >= first.value)
    ]
    if ahead:
        return f"No generator comes closer to the data by {metric} than {_and(ahead)}."
    rivals = [(c, r) for c, r in _scored(comparison, metric) if c.traits.competes and c is not winner]
    tied = [title(c) for c, second in rivals if not _clearly_better(first, second, lower=lower)]
    if not rivals:
        return f"{title(winner)} scores {metric} {first.value:.3g}."
    if tied:
        return f"{title(winner)} comes closest to the data by {metric}, but not clearly ahead of {_and(tied)}."
    others = "the other" if len(rivals) == 1 else "the others"
    return f"{title(winner)} comes closest to the data by {metric}, clearly ahead of {others}."


def _clearly_better(result: Result, other: Result, *, lower: bool) -> bool:
    return clearly_below(result, other) if lower else clearly_below(other, result)


def _against_baselines(comparison: Comparison, metric: str) -> list[str]:
    """Who does not score better than the mixture, and than its own untrained network; unmeasured ones are left out."""
    lower = described(comparison, metric).better == "lower"
    scored = _scored(comparison, metric)
    generators = [(column, result) for column, result in scored if column.traits.competes]
    mixture = next((result for column, result in scored if column.traits.baseline_of == "all"), None)
    untrained = {column.trained_column: result for column, result in scored if column.traits.baseline_of == "own"}
    sentences = []
    if mixture is not None:
        failed = [title(c) for c, result in generators if not _clearly_better(result, mixture, lower=lower)]
        sentences.append(
            f"{_and(failed)} {_do(failed)} not yet beat the Gaussian mixture."
            if failed
            else f"{_every(generators, 'generator')} beats the Gaussian mixture."
        )
    trained = [(column, result) for column, result in generators if column.name in untrained]
    if trained:
        failed = [title(c) for c, result in trained if not _clearly_better(result, untrained[c.name], lower=lower)]
        sentences.append(
            f"{_and(failed)} {_do(failed)} not yet beat the untrained network."
            if failed
            else f"{_every(trained, 'trained generator')} beats its untrained self."
        )
    return sentences


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _every(scored: list[tuple[Column, Result]], kind: str) -> str:
    return title(scored[0][0]) if len(scored) == 1 else f"Every {kind}"


def _do(names: list[str]) -> str:
    return "does" if len(names) == 1 else "do"
