"""Shares of answers by system, and who and what was answered how: shared by forced choices and verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np

from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line
from diorama.evaluation.people.parts import Labels
from diorama.metrics.judgement.consistency import Manner, RaterFit
from diorama.metrics.judgement.means import Means, shares
from diorama.metrics.judgement.paired import Floats
from diorama.study.analysis.findings import Cell, Estimate, Estimates, Grid

_ENOUGH_RATERS = 10


def share_rows(names: Sequence[str], found: Means, level: float) -> tuple[Estimate, ...]:
    """Shares with Wilson's intervals over raters."""
    ends = shares(found, level)
    return interval_rows(names, ends.values, ends.low, ends.high)


def interval_rows(names: Sequence[str], values: Floats, low: Floats, high: Floats) -> tuple[Estimate, ...]:
    """A number with its interval for each name; all of one length."""
    return tuple(pooled(*row) for row in zip(names, values, low, high, strict=True))


def over_raters(found: Means) -> str:
    """What intervals of means are over."""
    if found.clustered:
        return f"Intervals are over {found.raters:,} raters."
    return "There is one rater: intervals are over the judgements of one person, and say nothing of others."


def few_raters(count: int) -> list[str]:
    """That intervals over few raters are rough, where they are."""
    if not 1 < count < _ENOUGH_RATERS:
        return []
    return [f"There are {count} raters: intervals allow for so few, but are rough with under ten."]


def item_grid(hits: Floats, items: Labels, what: str) -> Grid:
    """How many found each item right, the hardest first.

    Args:
        hits: (j,) 1 for right, 0 for wrong, no number for what does not count.
        items: of every judgement.
        what: the share is of.
    """
    keep = np.isfinite(hits)
    sums = np.bincount(items.index[keep], hits[keep], len(items.names))
    counts = np.bincount(items.index[keep], minlength=len(items.names))
    rows = [(name, int(counts[i]), float(sums[i] / counts[i])) for i, name in enumerate(items.names) if counts[i]]
    rows.sort(key=lambda row: row[2])
    return Grid(
        name="items", title="Items, the hardest first", columns=("item", "answers", what), rows=tuple(rows), folded=True
    )


def median_seconds(ms: Floats, raters: Labels) -> Floats:
    """(raters,) median seconds to an answer; no number where they are not known."""
    if not len(ms) or not np.isfinite(ms).any():
        return np.full(len(raters.names), math.nan)
    return np.array([_median(ms[raters.index == i]) / 1000 for i in range(len(raters.names))])


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


TOO_FAST = 0.3
"""Seconds below which a median answer cannot have been looked at."""


def rater_grid(names: Sequence[str], fits: Sequence[RaterFit], seconds: Floats, left: Floats | None) -> Grid:
    """Every rater against the others; those who answer like chance stand first.

    Args:
        names: of the raters.
        fits: of each.
        seconds: (raters,) median of each.
        left: (raters,) share of the left side; ``None`` where there are no sides.
    """
    rows: list[tuple[Cell, ...]] = []
    for i, (name, fit) in enumerate(zip(names, fits, strict=True)):
        side = () if left is None else (float(left[i]),)
        row = (name, fit.count, float(seconds[i]), *side, fit.log_likelihood, fit.signal, fit.chance)
        rows.append((*row, flag(fit.manner, float(seconds[i]))))
    rows.sort(key=lambda row: (not row[-1], row[-3]))
    sides = () if left is None else ("share of left",)
    return Grid(
        name="raters",
        title="Raters, those to look at first",
        columns=("rater", "answers", "median s", *sides, "log likelihood", "like others", "beyond chance", "flag"),
        rows=tuple(rows),
        note=(
            "Like others: how far a rater leans where the others lean, in standard deviations from one like them. "
            "Beyond chance: the same in standard deviations from answers by chance. Flagged raters are kept in all "
            "numbers."
        ),
        folded=True,
    )


def flag(manner: Manner, seconds: float) -> str:
    """What is to be looked at in a rater; empty for nothing."""
    words = [manner.value] if manner.value else []
    if seconds < TOO_FAST:
        words.append("too fast")
    return ", ".join(words)


def flag_notes(grid: Grid) -> list[str]:
    """A sentence for each reason to look at raters."""
    flagged: dict[str, list[str]] = {}
    for row in grid.rows:
        if row[-1]:
            flagged.setdefault(str(row[-1]), []).append(str(row[0]))
    return [
        f"{counted(len(names), 'rater')} to look at ({what}), named {in_a_line(names, 8)}. "
        "They are kept in all numbers."
        for what, names in flagged.items()
    ]


def pooled(name: str, value: SupportsFloat, low: SupportsFloat = math.nan, high: SupportsFloat = math.nan) -> Estimate:
    """One number in a list of several."""
    return Estimate(name=name, value=float(value), low=float(low), high=float(high))


def listed(name: str, title: str, rows: Sequence[Estimate], note: str = "") -> Estimates:
    """Numbers of several kinds, in a table without a chart."""
    return Estimates(name=name, title=title, rows=tuple(rows), note=note, chart=False)
