"""The trials of one rater: practice first, then judgements with attention items and repeats among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diorama.core.rng import fold
from diorama.study.collection import Collection
from diorama.study.design import StudyDesign

Role = Literal["practice", "judge", "repeat", "attention"]

_APART = 5
"""Trials that lie at least between a judgement and its repeat, where there are so many."""
_PLACES, _SIDES, _NOISE, _PRACTICE = range(4)
"""Streams of a rater's draws."""


@dataclass(frozen=True, kw_only=True)
class Trial:
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


@dataclass(frozen=True)
class Judgement:
    """An item shown by one system, or by two side by side.

    Args:
        item: place among the items.
        left: place among the systems.
        right: the same; equal to ``left`` where one picture is shown.
    """

    item: int
    left: int
    right: int


def trials_of(
    design: StudyDesign, collection: Collection, rater: int, judgements: Sequence[Judgement | None]
) -> list[Trial]:
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
    order = _with_attention(body, _attention(design, collection, rater), rng)
    return _with_repeats([*_practice(design, collection, rater), *order], session.repeats, rng)


def mirrored(trial: Trial) -> Trial:
    """The same trial with its sides exchanged, where it has two."""
    return trial if trial.right is None else replace(trial, left=trial.right, right=trial.left)


def _trial(design: StudyDesign, collection: Collection, judgement: Judgement | None) -> Trial:
    if judgement is None:
        return Trial(role="judge")
    left, right = shown(design, collection, judgement)
    return Trial(role="judge", left=left, right=right)


def shown(design: StudyDesign, collection: Collection, judgement: Judgement) -> tuple[int, int | None]:
    """Places among the media of what a judgement shows on the left and on the right."""
    left = collection.place(judgement.item, judgement.left)
    return left, collection.place(judgement.item, judgement.right) if design.two else None


def _practice(design: StudyDesign, collection: Collection, rater: int) -> list[Trial]:
    rng = np.random.default_rng(fold(design.seed, rater, _PRACTICE))
    made = []
    for _ in range(design.session.practice):
        a, b = design.pairs[rng.integers(len(design.pairs))]
        sides = (a, b) if rng.integers(2) else (b, a)
        drawn = _trial(design, collection, Judgement(int(rng.integers(len(collection.items))), *sides))
        made.append(replace(drawn, role="practice"))
    return made


def _attention(design: StudyDesign, collection: Collection, rater: int) -> list[Trial]:
    """Noise alone or beside an ordinary picture: whoever looks knows the answer."""
    rng = np.random.default_rng(fold(design.seed, rater, _NOISE))
    made = []
    for _ in range(design.session.attention):
        noise = int(rng.choice(np.array(collection.noise)))
        if not design.two:
            made.append(Trial(role="attention", left=noise, wanted="fake" if design.kind == "real_or_fake" else "1"))
            continue
        system = design.systems.index(design.truth) if design.kind == "2afc" else rng.integers(len(design.systems))
        ordinary = collection.place(int(rng.integers(len(collection.items))), int(system))
        trial = Trial(role="attention", left=noise, right=ordinary, wanted="right")
        made.append(replace(mirrored(trial), wanted="left") if rng.integers(2) else trial)
    return made


def _with_attention(body: list[Trial], attention: list[Trial], rng: np.random.Generator) -> list[Trial]:
    places = sorted(rng.choice(np.arange(1, len(body) + 1), len(attention), replace=False).tolist(), reverse=True)
    mixed = list(body)
    for place, trial in zip(places, attention, strict=True):
        mixed.insert(place, trial)
    return mixed


def _with_repeats(trials: list[Trial], count: int, rng: np.random.Generator) -> list[Trial]:
    """Some judgements are asked again at the end, with their sides exchanged."""
    judged = [i for i, trial in enumerate(trials) if trial.role == "judge"]
    early = [i for i in judged if len(trials) - i >= _APART]
    chosen = rng.choice(np.array(early if len(early) >= count else judged), count, replace=False)
    repeats = [replace(mirrored(trials[i]), role="repeat", of=i) for i in sorted(chosen.tolist())]
    return [*trials, *repeats]
