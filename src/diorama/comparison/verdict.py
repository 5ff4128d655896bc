"""What the numbers of a comparison allow to be said, in sentences."""

from __future__ import annotations

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.ranking import Group, first_ranked, groups, value_and_interval
from diorama.comparison.words import described, listed, title
from diorama.evaluation.protocol import Result, clearly_below


def best(comparison: Comparison, metric: str) -> Column | None:
    """The generator that did best by the estimate among those that are ranked; ``None`` where nobody is, none was
    measured, or the best are equal."""
    known = _ranked(comparison, metric)
    if not known:
        return None
    first = (min if _lower(comparison, metric) else max)(result.value for _, result in known)
    winners = [column for column, result in known if result.value == first]
    return winners[0] if len(winners) == 1 else None


def starred(comparison: Comparison, metric: str) -> Column | None:
    """The best generator, where there is another of its budget to be better than; of recipes that were trained from
    several seeds only one whose interval lies apart from all others'."""
    known, winner = _ranked(comparison, metric), best(comparison, metric)
    if len(known) < 2 or winner is None:
        return None
    first = winner.result(metric)
    assert first is not None
    lower = _lower(comparison, metric)
    clear = all(c is winner or _clearly_better(first, r, lower=lower) for c, r in known)
    return winner if clear or not winner.seeds else None


def _ranked(comparison: Comparison, metric: str) -> list[tuple[Column, Result]]:
    """The scores of the generators that may be called the best: the first group whose order is a ranking."""
    group = first_ranked(comparison)
    return [] if group is None else _of(group, metric)


def _of(group: Group, metric: str) -> list[tuple[Column, Result]]:
    results = [(column, column.result(metric)) for column in group.columns]
    return [(column, result) for column, result in results if result is not None]


def _lower(comparison: Comparison, metric: str) -> bool:
    return described(comparison, metric).better == "lower"


def _scored(comparison: Comparison, metric: str) -> list[tuple[Column, Result]]:
    results = [(column, column.result(metric)) for column in comparison.columns]
    return [(column, result) for column, result in results if result is not None]


def verdict(comparison: Comparison) -> list[str]:
    """What the numbers allow to be said, in sentences."""
    if not comparison.metrics:
        return []
    metric = comparison.metrics[0]
    generators = [column for column, _ in _scored(comparison, metric) if column.traits.competes]
    if not generators:
        return []
    winner = best(comparison, metric)
    first = _none_closer(comparison, metric)
    if not first and winner is not None:
        first = [_closest(comparison, metric, winner)]
    return [*first, *_apart(comparison, metric), *_against_baselines(comparison, metric)]


def _none_closer(comparison: Comparison, metric: str) -> list[str]:
    """Which baselines do at least as well as every generator, whatever its budget."""
    lower, scored = _lower(comparison, metric), _scored(comparison, metric)
    first = (min if lower else max)(result.value for column, result in scored if column.traits.competes)
    ahead = [
        column.traits.in_words or title(column)
        for column, result in scored
        if column.traits.baseline_of != "nobody" and (result.value <= first if lower else result.value >= first)
    ]
    return [f"No generator comes closer to the data by {metric} than {listed(ahead)}."] if ahead else []


def _closest(comparison: Comparison, metric: str, winner: Column) -> str:
    first = winner.result(metric)
    assert first is not None
    lower = _lower(comparison, metric)
    rivals = [(c, r) for c, r in _ranked(comparison, metric) if c is not winner]
    tied = [title(c) for c, second in rivals if not _clearly_better(first, second, lower=lower)]
    if not rivals:
        return f"{title(winner)} scores {metric} {value_and_interval(first)[0]}."
    if tied and winner.seeds:
        return f"No winner by {metric}: {title(winner)} is not clearly ahead of {listed(tied)}."
    if tied:
        return f"{title(winner)} comes closest to the data by {metric}, but not clearly ahead of {listed(tied)}."
    others = "the other" if len(rivals) == 1 else "the others"
    return f"{title(winner)} comes closest to the data by {metric}, clearly ahead of {others}."


def _apart(comparison: Comparison, metric: str) -> list[str]:
    """Who is not ranked with the first group, and why."""
    ranked = first_ranked(comparison)
    names = [
        f"{title(column)} ({value_and_interval(result)[0]})"
        for group in groups(comparison)
        if group != ranked
        for column, result in _of(group, metric)
    ]
    if not names:
        return []
    if ranked is None:
        return [f"By {metric}: {listed(names)}. Budgets differ or are unknown, so that the order is no ranking."]
    return [f"Listed apart, since budgets differ or are unknown: {listed(names)}."]


def _clearly_better(result: Result, other: Result, *, lower: bool) -> bool:
    return clearly_below(result, other) if lower else clearly_below(other, result)


def _against_baselines(comparison: Comparison, metric: str) -> list[str]:
    """Who does not score better than the mixture, and than its own untrained network; unmeasured ones are left out."""
    lower = _lower(comparison, metric)
    scored = _scored(comparison, metric)
    generators = [(column, result) for column, result in scored if column.traits.competes]
    mixture = next((result for column, result in scored if column.traits.baseline_of == "all"), None)
    untrained = {column.trained_column: result for column, result in scored if column.traits.baseline_of == "own"}
    sentences = []
    if mixture is not None:
        failed = [title(c) for c, result in generators if not _clearly_better(result, mixture, lower=lower)]
        sentences.append(
            f"{listed(failed)} {_do(failed)} not yet beat the Gaussian mixture."
            if failed
            else f"{_every(generators, 'generator')} beats the Gaussian mixture."
        )
    trained = [(column, result) for column, result in generators if column.name in untrained]
    if trained:
        failed = [title(c) for c, result in trained if not _clearly_better(result, untrained[c.name], lower=lower)]
        sentences.append(
            f"{listed(failed)} {_do(failed)} not yet beat the untrained network."
            if failed
            else f"{_every(trained, 'trained generator')} beats its untrained self."
        )
    return sentences


def _every(scored: list[tuple[Column, Result]], kind: str) -> str:
    return title(scored[0][0]) if len(scored) == 1 else f"Every {kind}"


def _do(names: list[str]) -> str:
    return "does" if len(names) == 1 else "do"
