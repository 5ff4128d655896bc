"""The trials of one rater: practice first, then judgements with attention items and repeats among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diorama.core.seeds import fold
from diorama.study.collection import Collection
from diorama.study.design import StudyDesign
from diorama.study.order import Trial

Role = Literal["practice", "judge", "repeat", "attention"]

_APART = 5
"""Trials that lie at least between a judgement and its repeat, where there are so many."""
_PLACES, _NOISE, _PRACTICE = range(11, 14)
"""Streams of a rater's draws, apart from those of the order."""


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """One question to one rater.

    Args:
        role: why it is asked.
        left: place of the picture among the media; ``None`` where it is chosen when its turn comes.
        right: the same for the right side; ``None`` also where one picture is shown.
        of: for repeats, the position of the first showing.
        wanted: the right answer of an attention item.
    """

    role: Role
    left: int | None = None
    right: int | None = None
    of: int | None = None
    wanted: str = ""


def trials_of(
    design: StudyDesign, collection: Collection, rater: int, judgements: Sequence[Trial | None]
) -> list[PlannedTrial]:
    """All trials of a rater, in order.

    Args:
        design: of the study.
        collection: what it shows.
        rater: number from 0 on.
        judgements: what is judged, in order; ``None`` where an adaptive order chooses later.
    """
    session = design.session
    body = [_trial(design, collection, one) for one in judgements]
    rng = np.random.default_rng(fold(design.seed, rater, _PLACES))
    # Attention items stand anywhere but first, so that nobody who reads the first page alone knows what they are like.
    others = _unjudged(collection, judgements)
    order = _with_attention(body, _attention(design, collection, rater, others), rng)
    practice = _practice(design, collection, rater, others)
    return _with_repeats([*practice, *order], session.repeats, rng)


def mirrored(trial: PlannedTrial) -> PlannedTrial:
    """The same trial with its sides exchanged, where it has two."""
    return trial if trial.right is None else replace(trial, left=trial.right, right=trial.left)


def _trial(design: StudyDesign, collection: Collection, judgement: Trial | None) -> PlannedTrial:
    if judgement is None:
        return PlannedTrial(role="judge")
    left, right = shown(design, collection, judgement)
    return PlannedTrial(role="judge", left=left, right=right)


def shown(design: StudyDesign, collection: Collection, judgement: Trial) -> tuple[int, int | None]:
    """Places among the media of what a judgement shows on the left and on the right."""
    item = collection.items.index(judgement.item)
    left = collection.place(item, design.systems.index(judgement.left))
    return left, collection.place(item, design.systems.index(judgement.right)) if design.two else None


def _unjudged(collection: Collection, judgements: Sequence[Trial | None]) -> list[int]:
    """Places of the items that the rater does not judge, all where there are none: what practice and attention items
    show is then known, and beside noise a true picture gives itself away."""
    judged = {one.item for one in judgements if one is not None}
    return [i for i, item in enumerate(collection.items) if item not in judged] or list(range(len(collection.items)))


def _practice(design: StudyDesign, collection: Collection, rater: int, others: Sequence[int]) -> list[PlannedTrial]:
    rng = np.random.default_rng(fold(design.seed, rater, _PRACTICE))
    made = []
    for _ in range(design.session.practice):
        item = others[int(rng.integers(len(others)))]
        left, right = design.pairs[rng.integers(len(design.pairs))]
        places = collection.place(item, left), collection.place(item, right)
        trial = PlannedTrial(role="practice", left=places[0], right=places[1] if design.two else None)
        made.append(mirrored(trial) if rng.integers(2) else trial)
    return made


def _attention(design: StudyDesign, collection: Collection, rater: int, others: Sequence[int]) -> list[PlannedTrial]:
    """Noise alone or beside an ordinary picture: whoever looks knows the answer."""
    rng = np.random.default_rng(fold(design.seed, rater, _NOISE))
    made = []
    for _ in range(design.session.attention):
        noise = int(rng.choice(np.array(collection.noise)))
        if not design.two:
            made.append(
                PlannedTrial(role="attention", left=noise, wanted="fake" if design.kind == "real_or_fake" else "1")
            )
            continue
        system = design.systems.index(design.truth) if design.kind == "2afc" else rng.integers(len(design.systems))
        ordinary = collection.place(others[int(rng.integers(len(others)))], int(system))
        trial = PlannedTrial(role="attention", left=noise, right=ordinary, wanted="right")
        made.append(replace(mirrored(trial), wanted="left") if rng.integers(2) else trial)
    return made


def _with_attention(
    body: list[PlannedTrial], attention: list[PlannedTrial], rng: np.random.Generator
) -> list[PlannedTrial]:
    places = sorted(rng.choice(np.arange(1, len(body) + 1), len(attention), replace=False).tolist(), reverse=True)
    mixed = list(body)
    for place, trial in zip(places, attention, strict=True):
        mixed.insert(place, trial)
    return mixed


def _with_repeats(trials: list[PlannedTrial], count: int, rng: np.random.Generator) -> list[PlannedTrial]:
    """Some judgements are asked again at the end, with their sides exchanged."""
    judged = [i for i, trial in enumerate(trials) if trial.role == "judge"]
    early = [i for i in judged if len(trials) - i >= _APART]
    chosen = rng.choice(np.array(early if len(early) >= count else judged), count, replace=False)
    repeats = [replace(mirrored(trials[i]), role="repeat", of=i) for i in sorted(chosen.tolist())]
    return [*trials, *repeats]
