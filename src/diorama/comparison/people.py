"""People's judgement beside the metrics: a study's export as one more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from diorama.comparison.columns import Column, Comparison
from diorama.comparison.words import listed, title
from diorama.core.errors import BadInput
from diorama.evaluation.people.scores import Judged


def with_people(comparison: Comparison, people: Judged) -> Comparison:
    """The comparison with what people said of its generators, after all other metrics.

    A system of the study is a generator by the name of its column or by its title.

    Args:
        comparison: of generators that were measured.
        people: their judgement.
    """
    columns = [_judged(column, people) for column in comparison.columns]
    known = {name for column in comparison.columns for name in _names(column)}
    notes = [note for note in _notes(people, known) if note]
    return replace(comparison, columns=tuple(columns), notes=(*comparison.notes, *notes))


def require_any(people: Judged, path: Path, names: Sequence[str]) -> None:
    """Refuse a study none of whose systems can become a column, before hours of training.

    Args:
        people: what the study says.
        path: of its export.
        names: that columns will have.

    Raises:
        BadInput: it knows none of them.
    """
    if not set(people.results) & set(names):
        raise BadInput(
            f"{path}: judges {listed(sorted(people.results))}, and the comparison has {listed(sorted(names))}: "
            "no name is the same; give samples the study's names, with --samples NAME=FOLDER"
        )


def _names(column: Column) -> tuple[str, ...]:
    return tuple(dict.fromkeys((column.name, title(column))))


def _judged(column: Column, people: Judged) -> Column:
    found = next((people.results[name] for name in _names(column) if name in people.results), ())
    return replace(column, results=(*column.results, *found))


def _notes(people: Judged, known: set[str]) -> list[str]:
    unknown = sorted(set(people.results) - known)
    return [
        "The raters of the study are simulated: no person judged anything." if people.simulated else "",
        *people.notes,
        f"The study also judges {listed(unknown)}, which no column shows." if unknown else "",
    ]
