"""What a report calls generators and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diorama.comparison.columns import Column, Comparison
from diorama.evaluation.catalog.entries import ARROWS
from diorama.evaluation.people.scores import PEOPLE


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

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return ARROWS[self.better]


def described(comparison: Comparison, metric: str) -> Description:
    """What the catalog of the comparison says of a metric; one that it does not know keeps its name, and the direction
    that the report told."""
    known = comparison.catalog.find(metric)
    if known is None and metric in PEOPLE:
        asked = PEOPLE[metric]
        return Description(asked.title, asked.better, asked.meaning)
    if known is None:
        return Description(metric, comparison.better.get(metric, "higher"))
    return Description(known.title, known.entry.better, known.entry.meaning, known.entry.outside)


def title(column: Column) -> str:
    """What a column is called: a system by its title, a finished run or samples by the name they were given."""
    if column.traits.title:
        return column.traits.title
    entry, several = column.entry, f" ({len(column.seeds)} seeds)" if column.seeds else ""
    if column.trained_column:
        return f"{entry.title if entry is not None else column.trained_column}, untrained"
    return (entry.title if entry is not None and column.name == entry.name else column.name) + several


def training_names(comparison: Comparison) -> dict[str, str]:
    """By :attr:`~diorama.comparison.columns.Column.generator` what its training is called: without the sampler that its
    model is drawn with; runs of one folder name are numbered."""
    names: dict[str, str] = {}
    taken: list[str] = []
    for column in comparison.columns:
        if column.generator not in names:
            names[column.generator] = unique(column.origin, taken) if column.sampler else title(column)
    return names


def unique(name: str, taken: list[str]) -> str:
    """The name, or the next one of ``name 2``, ``name 3`` … that is not taken yet; it is added to those taken."""
    free = next(n for n in (name, *(f"{name} {i}" for i in range(2, len(taken) + 3))) if n not in taken)
    taken.append(free)
    return free


def listed(names: Sequence[str]) -> str:
    """Some names inside a sentence: ``"a, b and c"``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
