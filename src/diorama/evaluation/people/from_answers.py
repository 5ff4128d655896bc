"""A study's export as judgements by kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.data.answers import Answer, Answers
from diorama.evaluation.people.parts import (
    AttentionPart,
    ChoicePart,
    ExposurePart,
    Labels,
    OpinionPart,
    PairPart,
    Part,
    Recognised,
    VerdictPart,
)
from diorama.metrics.judgement.paired import LEFT, RIGHT, TIE, Floats, PairedJudgements

CHOICES = {"left": LEFT, "right": RIGHT, "tie": TIE}
_WHICH = (
    "--truth NAME of `diorama study analyse` says which source is the true one, and an export as JSON says it itself"
)


def from_answers(path: Path, answers: Answers, truth: str) -> Recognised:
    """The judgements of an export.

    Args:
        path: for messages.
        answers: of it.
        truth: the source whose pictures are true.

    Raises:
        BadInput: a 2AFC or real-or-fake study without the true source.
    """
    if not answers.rows:
        raise BadInput(f"{path}: holds no answers")
    fixed, stepped = _by_staircase(answers.rows)
    found: list[Part | None] = []
    if stepped:
        found += [_exposures(path, stepped, truth), _verdicts(path, stepped, truth)]
    found += [
        make(path, mine, truth)
        for kind, make in _MAKERS.items()
        if (mine := [row for row in fixed if row.kind == kind])
    ]
    parts = [part for part in found if part is not None]
    if not parts:
        raise BadInput(f"{path}: {counted(len(answers.rows), 'answer')}, and every choice is empty")
    return Recognised(
        layout="answers of a Diorama study",
        parts=tuple(parts),
        notes=tuple(_notes(answers.rows)),
        simulated=answers.simulated,
    )


def _by_staircase(rows: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """All rows but verdicts of studies whose exposures followed the answers, and these.

    Verdicts of both kinds are not pooled: d' of a staircase is no judgement of a system. A rater takes part in the
    staircase of one study, so that the same name in two studies is two raters.
    """
    studies = {row.study for row in rows if row.block is not None}
    fixed: list[Answer] = []
    stepped: list[Answer] = []
    for row in rows:
        (stepped if row.kind == "real_or_fake" and row.study in studies else fixed).append(row)
    if len(studies) > 1:
        stepped = [replace(row, rater=f"{row.study}/{row.rater}") for row in stepped]
    return fixed, stepped


def _notes(rows: Sequence[Answer]) -> list[str]:
    notes = []
    studies = sorted({row.study for row in rows})
    if len(studies) > 1:
        notes.append(f"{len(studies)} studies are taken together: {', '.join(studies)}.")
    empty = sum(not row.choice for row in rows)
    if empty:
        notes.append(f"Empty answers: {empty:,} of {len(rows):,}; they count as not given.")
    # What a study of few items shows again is shown at another time: only a copy has the same one.
    asked = Counter(
        (row.study, row.item, row.rater, row.kind, row.left, row.right, row.repeat, row.shown_at) for row in rows
    )
    twice = sum(count - 1 for count in asked.values() if count > 1)
    if twice:
        notes.append(f"Answers with the same rater, item, sides, repeat and time as another: {twice:,}; all are kept.")
    return notes


def _pairs(path: Path, rows: list[Answer], truth: str) -> PairPart | None:
    given = [row for row in rows if row.choice]
    if not given:
        return None
    raters = [row.rater for row in given]
    return PairPart(
        judgements=PairedJudgements.of([(row.left, row.right, CHOICES[row.choice]) for row in given], raters),
        raters=tuple(dict.fromkeys(raters)),
        items=Labels.of([row.item for row in given]),
        empty=len(rows) - len(given),
        ms=_times(given),
        repeats=np.array([row.repeat for row in given], np.int64),
    )


def _choices(path: Path, rows: list[Answer], truth: str) -> ChoicePart | None:
    without = [row for row in rows if truth not in (row.left, row.right)]
    if without:
        others = sorted({name for row in without for name in (row.left, row.right)})
        raise BadInput(
            f"{path}: no picture of {truth!r} in {counted(len(without), 'answer')} of kind 2afc, only of "
            f"{', '.join(others[:8])}; {_WHICH}"
        )
    given = [row for row in rows if row.choice]
    if not given:
        return None
    systems = [row.right if row.left == truth else row.left for row in given]
    return ChoicePart(
        raters=Labels.of([row.rater for row in given]),
        systems=Labels.of(systems),
        items=Labels.of([f"{system}/{row.item}" for system, row in zip(systems, given, strict=True)]),
        right=np.array([(row.left if row.choice == "left" else row.right) == truth for row in given]),
        left=np.array([row.choice == "left" for row in given]),
        empty=len(rows) - len(given),
        ms=_times(given),
    )


def _verdicts(path: Path, rows: list[Answer], truth: str) -> VerdictPart | None:
    given = [row for row in rows if row.choice]
    if not given:
        return None
    if not any(row.left == truth for row in given):
        raise BadInput(
            f"{path}: real_or_fake has no answer to a picture of {truth!r}, only to those of "
            f"{', '.join(sorted({row.left for row in given})[:8])}; {_WHICH}"
        )
    called = {"real": 1.0, "fake": 0.0, "unsure": math.nan}
    return VerdictPart(
        raters=Labels.of([row.rater for row in given]),
        systems=Labels.of([row.left for row in given]),
        items=Labels.of([f"{row.left}/{row.item}" for row in given]),
        real=np.array([row.left == truth for row in given]),
        called_real=np.array([called[row.choice] for row in given]),
        empty=len(rows) - len(given),
        ms=_times(given),
        staircase=any(row.block is not None for row in rows),
    )


def _exposures(path: Path, rows: list[Answer], truth: str) -> ExposurePart | None:
    """Judgements within staircases, right or wrong: repeats, which nobody judges for the first time, have no block."""
    given = [row for row in rows if row.choice in ("real", "fake") and row.block is not None]
    tested: dict[str, set[str]] = {}
    for row in given:
        tested.setdefault(row.study, set()).update({row.left} - {truth})
    wrong = [study for study, systems in tested.items() if len(systems) > 1]
    if wrong:
        raise BadInput(
            f"{path}: exposures follow one system's pictures, and {wrong[0]} has those of "
            f"{', '.join(sorted(tested[wrong[0]]))} beside {truth!r}; {_WHICH}"
        )
    # Of a study that has just begun, real pictures alone may have been judged.
    given = [row for row in given if tested[row.study]]
    if not given:
        return None
    return ExposurePart(
        raters=Labels.of([row.rater for row in given]),
        systems=Labels.of([next(iter(tested[row.study])) for row in given]),
        blocks=np.array([row.block for row in given], np.int64),
        exposure_ms=np.array([row.exposure_ms for row in given], float),
        right=np.array([(row.choice == "real") == (row.left == truth) for row in given]),
    )


def _opinions(path: Path, rows: list[Answer], truth: str) -> OpinionPart | None:
    given = [row for row in rows if row.choice]
    if not given:
        return None
    return OpinionPart(
        scale="opinion",
        raters=Labels.of([row.rater for row in given]),
        items=Labels.of([f"{row.left}/{row.item}" for row in given]),
        systems=Labels.of([row.left for row in given]),
        scores=np.array([float(row.choice) for row in given]),
        empty=len(rows) - len(given),
        ms=_times(given),
    )


def _attention(path: Path, rows: list[Answer], truth: str) -> AttentionPart | None:
    given = [row for row in rows if row.choice]
    if not given:
        return None
    return AttentionPart(
        raters=Labels.of([row.rater for row in given]), passed=np.array([row.choice == row.right for row in given])
    )


_MAKERS = {
    "pairwise": _pairs,
    "2afc": _choices,
    "real_or_fake": _verdicts,
    "opinion": _opinions,
    "attention": _attention,
}


def _times(rows: list[Answer]) -> Floats:
    return np.array([math.nan if row.ms is None else float(row.ms) for row in rows])
