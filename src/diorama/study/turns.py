"""What raters of a running study judge: the order of :mod:`diorama.study.order`, given the answers so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select

from diorama.core.seeds import fold
from diorama.metrics.judgement.paired import Floats
from diorama.study.collection import Collection
from diorama.study.design import StudyDesign
from diorama.study.order import (
    Trial,
    balanced_against,
    balanced_pairs,
    balanced_single,
    next_item,
    next_pair,
    next_source,
    opinion_variances,
    share_variances,
)
from diorama.study.tables import ANSWERS, RATERS, TRIALS
from diorama.study.versions import Version

_FRESH_SECONDS = 1.0
"""Answers are counted anew after so long, so that many raters at once do not each count all of them."""


def judgements_of(design: StudyDesign, collection: Collection, rater: int) -> Sequence[Trial | None]:
    """What a rater judges, in order; ``None`` where an adaptive order chooses later.

    Args:
        design: of the study.
        collection: what it shows.
        rater: number from 0 on.
    """
    items = collection.items
    count = design.session.judgements
    if design.order == "adaptive":
        return [None] * count
    if design.kind == "pairwise":
        return balanced_pairs(design.systems, items, count, rater=rater, seed=design.seed)
    if design.kind == "2afc":
        return balanced_against(design.truth, design.tested, items, count, rater=rater, seed=design.seed)
    return balanced_single(design.systems, items, count, rater=rater, seed=design.seed)


@dataclass(frozen=True)
class _Counted:
    """Judgements of a version by what was shown and chosen; those that are still awaited have an empty choice."""

    at: float
    rows: Sequence[Row[Any]]


class Chooser:
    """Adaptive orders: what is least known is judged next."""

    def __init__(self) -> None:
        self._counted: dict[int, _Counted] = {}

    def __call__(self, connection: Connection, version: Version, rater: int) -> Trial:
        """What a rater judges next.

        Args:
            connection: to the study's database.
            version: of the study.
            rater: place in the database.
        """
        n, design = len(version.design.systems), version.design
        of_rater = (TRIALS.c.rater_id == rater) & (TRIALS.c.role != "repeat") & TRIALS.c.left.is_not(None)
        shown = connection.execute(select(TRIALS.c.role, TRIALS.c.left, TRIALS.c.right).where(of_rater)).all()
        seed = fold(design.seed, rater, sum(row.role == "judge" for row in shown), 4)
        left, right = self._systems(connection, version, seed)
        # Of items that this rater met as seldom, one where these systems were not among what was shown.
        seen = np.zeros(len(version.collection.items))
        for row in shown:
            places = [place for place in (row.left, row.right) if place is not None]
            ordinary = [place for place in places if place < version.collection.ordinary]
            seen[[place // n for place in ordinary]] += 1
            if {place % n for place in ordinary} == {left, right} - {None}:
                seen[ordinary[0] // n] += len(shown)
        item = version.collection.items[next_item(seen.tolist(), seed)]
        return Trial(item, design.systems[left], "" if right is None else design.systems[right])

    def _systems(self, connection: Connection, version: Version, seed: int) -> tuple[int, int | None]:
        design, rows = version.design, self._rows(connection, version)
        n = len(design.systems)
        if design.kind == "pairwise":
            return next_pair(*_pair_tables(rows, n), seed=seed)
        shown = np.zeros(n)
        if design.kind == "opinion":
            tables = [np.zeros(n) for _ in range(3)]
            for row in rows:
                shown[row.first] += row.times
                for power, table in enumerate(tables):
                    table[row.first] += row.times * int(row.choice) ** power if row.choice else 0
            return next_source(opinion_variances(tables[1], tables[2], tables[0]), shown, seed=seed), None
        true = design.systems.index(design.truth)
        hits, answered = np.zeros(n), np.zeros(n)
        for row in rows:
            tested = row.second if design.two and row.first == true else row.first
            right_choice = ("left" if row.first == true else "right") if design.two else "real"
            shown[tested] += row.times
            answered[tested] += row.times * bool(row.choice)
            hits[tested] += row.times * (row.choice == right_choice)
        if not design.two:
            return next_source(share_variances(hits, answered), shown, seed=seed), None
        tested = [place for place in range(n) if place != true]
        chosen = tested[next_source(share_variances(hits, answered)[tested], shown[tested], seed=seed)]
        return (true, chosen) if np.random.default_rng(seed).integers(2) else (chosen, true)

    def _rows(self, connection: Connection, version: Version) -> Sequence[Row[Any]]:
        known = self._counted.get(version.id)
        if known is None or time.monotonic() - known.at > _FRESH_SECONDS:
            n = len(version.design.systems)
            size: ColumnElement[int] = literal_column(str(n))
            first, second = TRIALS.c.left % size, TRIALS.c.right % size
            query = (
                select(first.label("first"), second.label("second"), ANSWERS.c.choice, func.count().label("times"))
                .select_from(TRIALS)
                .join(RATERS, RATERS.c.id == TRIALS.c.rater_id)
                .outerjoin(ANSWERS, ANSWERS.c.trial_id == TRIALS.c.id)
                .where(RATERS.c.version_id == version.id, TRIALS.c.role == "judge", TRIALS.c.left.is_not(None))
                .group_by(first, second, ANSWERS.c.choice)
            )
            known = self._counted[version.id] = _Counted(time.monotonic(), connection.execute(query).all())
        return known.rows


def _pair_tables(rows: Sequence[Row[Any]], n: int) -> tuple[Floats, Floats, Floats]:
    """How often each system was preferred to each other, equalled it, and stood on its left."""
    wins, ties, asked = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    for row in rows:
        asked[row.first, row.second] += row.times
        if row.choice == "left":
            wins[row.first, row.second] += row.times
        elif row.choice == "right":
            wins[row.second, row.first] += row.times
        elif row.choice == "tie":
            ties[row.first, row.second] += row.times
            ties[row.second, row.first] += row.times
    return wins, ties, asked
