"""Judgements of one kind as arrays, whatever file they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from diorama.metrics.judgement.paired import Floats, Integers, PairedJudgements


@dataclass(frozen=True)
class Labels:
    """Names in a row of judgements.

    Args:
        names: each once, in the order of their first appearance.
        index: (j,) of every judgement.
    """

    names: tuple[str, ...]
    index: Integers

    @classmethod
    def of(cls, values: Sequence[str]) -> Labels:
        """From the name of every judgement."""
        names = tuple(dict.fromkeys(values))
        place = {name: i for i, name in enumerate(names)}
        return cls(names, np.array([place[value] for value in values], np.int64))

    def where(self, keep: NDArray[np.bool_]) -> Labels:
        """The labels of some judgements; names that none has are left out."""
        return Labels.of([self.names[i] for i in self.index[keep]])


@dataclass(frozen=True, kw_only=True)
class PairPart:
    """Which of two is preferred.

    Args:
        judgements: those that were answered.
        raters: names, in the order of the raters' numbers; empty where nobody knows.
        items: of every judgement; ``None`` where there are none.
        empty: how many were not answered.
        ms: (j,) times to the answer, no number where they are not known.
        repeats: (j,) 0 for the first showing.
    """

    judgements: PairedJudgements
    raters: tuple[str, ...] = ()
    items: Labels | None = None
    empty: int = 0
    ms: Floats = field(default_factory=lambda: np.zeros(0))
    repeats: Integers = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, kw_only=True)
class ChoicePart:
    """Which of two is the true one.

    Args:
        raters: of every judgement.
        systems: whose picture stood beside the true one.
        items: of every judgement.
        right: (j,) the true one was found.
        left: (j,) the left one was chosen.
        empty: how many were not answered.
        ms: (j,).
    """

    raters: Labels
    systems: Labels
    items: Labels
    right: NDArray[np.bool_]
    left: NDArray[np.bool_]
    empty: int = 0
    ms: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, kw_only=True)
class VerdictPart:
    """Whether one picture is real.

    Args:
        raters: of every judgement.
        systems: the source of the picture.
        items: of every judgement.
        real: (j,) it was real.
        called_real: (j,) 1 for real, 0 for fake, no number for unsure.
        empty: how many were not answered.
        ms: (j,).
        about_raters: further columns of the raters by name: the value of every rater in the order of ``raters.names``.
        staircase: exposures followed the answers, so that shares and d' are of those exposures alone.
    """

    raters: Labels
    systems: Labels
    items: Labels
    real: NDArray[np.bool_]
    called_real: Floats
    empty: int = 0
    ms: Floats = field(default_factory=lambda: np.zeros(0))
    about_raters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    staircase: bool = False

    @property
    def accuracy(self) -> Floats:
        """(j,) 1 for right, 0 for wrong, a half for unsure."""
        return np.where(np.isnan(self.called_real), 0.5, self.called_real == self.real)


@dataclass(frozen=True, kw_only=True)
class ExposurePart:
    """Exposures that followed the answers: staircases of HYPE_time.

    Args:
        raters: of every judgement; the same name in two studies is two raters.
        systems: whose pictures were to be told from real ones in the judgement's study.
        blocks: (j,) which of the rater's staircases, from 0 on.
        exposure_ms: (j,) how long the picture was shown.
        right: (j,) the answer was right.
    """

    raters: Labels
    systems: Labels
    blocks: Integers
    exposure_ms: Floats
    right: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class OpinionPart:
    """Scores of pictures on one scale.

    Args:
        scale: its name.
        raters: of every score.
        items: of every score.
        systems: of every score; ``None`` where the file knows no systems.
        scores: (j,).
        reference_of: by item, the item that is its reference; empty where there are none.
        empty: how many were not answered.
        ms: (j,).
    """

    scale: str
    raters: Labels
    items: Labels
    systems: Labels | None
    scores: Floats
    reference_of: dict[str, str] = field(default_factory=dict)
    empty: int = 0
    ms: Floats = field(default_factory=lambda: np.zeros(0))

    def matrix(self) -> Floats:
        """(raters, items): each rater's first score of each item; no number where there is none."""
        return first_values(self.scores, self.raters, self.items)


@dataclass(frozen=True, kw_only=True)
class RatingPart:
    """Values of units, for agreement alone.

    Args:
        values: (c,) as numbers where they are, else places.
        numeric: whether they are numbers.
        counts: (units, c).
        ratings: (raters, units); ``None`` where only counts are known.
        table: (c, c) of two raters; ``None`` where there are others.
    """

    values: Floats
    numeric: bool
    counts: Floats
    ratings: Floats | None = None
    table: Floats | None = None


@dataclass(frozen=True, kw_only=True)
class TripletPart:
    """Which of two is more like a third: no answer is the true one.

    Args:
        raters: of every judgement.
        triplets: reference and both options, these in the order of their names, since sides may change.
        first: (j,) the first of the two options was chosen.
        left: (j,) the left one was chosen.
        ms: (j,).
    """

    raters: Labels
    triplets: Labels
    first: NDArray[np.bool_]
    left: NDArray[np.bool_]
    ms: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, kw_only=True)
class VotePart:
    """How many preferred each of two for every item, and what metrics say of both.

    Args:
        items: names.
        sides: names of the two.
        votes: (items, 2).
        metrics: by name (items, 2).
    """

    items: tuple[str, ...]
    sides: tuple[str, str]
    votes: Floats
    metrics: dict[str, Floats]


@dataclass(frozen=True, kw_only=True)
class CountPart:
    """Counts of left, tie and right of single examples (2-AC).

    Args:
        names: of the examples.
        counts: (examples, 3) left, tie, right.
    """

    names: tuple[str, ...]
    counts: Floats


@dataclass(frozen=True, kw_only=True)
class AttentionPart:
    """Items whose answer is known, which tell who looks.

    Args:
        raters: of every answer.
        passed: (j,) the wanted answer was given.
    """

    raters: Labels
    passed: NDArray[np.bool_]


Part = (
    PairPart
    | ChoicePart
    | VerdictPart
    | ExposurePart
    | OpinionPart
    | RatingPart
    | TripletPart
    | VotePart
    | CountPart
    | AttentionPart
)


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """What a file was taken for.

    Args:
        layout: in a sentence.
        parts: judgements by kind.
        notes: what was left out, joined or guessed, with counts.
        simulated: the raters are a program.
        truth_from: where a table itself says which pictures are true; empty where it does not.
    """

    layout: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    simulated: bool = False
    truth_from: str = ""


def first_values(values: Floats, rows: Labels, columns: Labels) -> Floats:
    """A table (rows, columns) of the first value of each cell; no number where there is none."""
    table = np.full((len(rows.names), len(columns.names)), math.nan)
    # Backwards, so that the first of several is what stays.
    for i in range(len(values) - 1, -1, -1):
        table[rows.index[i], columns.index[i]] = values[i]
    return table
