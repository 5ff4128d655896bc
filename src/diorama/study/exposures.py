"""For how long a trial of a running study is shown: a fixed time, or one that follows the rater's answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from diorama.study.tables import ANSWERS, EXPOSURES, TRIALS
from diorama.study.versions import Version

_KNOWN = select(EXPOSURES.c.ms).where(EXPOSURES.c.trial_id == bindparam("trial"))
_EARLIER = (
    select(TRIALS.c.left, ANSWERS.c.choice)
    .select_from(TRIALS.outerjoin(ANSWERS, ANSWERS.c.trial_id == TRIALS.c.id))
    .where(TRIALS.c.rater_id == bindparam("rater"), TRIALS.c.role == "judge", TRIALS.c.position < bindparam("position"))
    .order_by(TRIALS.c.position)
)
_EXPOSED = insert(EXPOSURES)


def exposure_of(connection: Connection, version: Version, trial: Row[Any]) -> int | None:
    """For how long a trial is shown, in milliseconds; ``None`` for as long as the rater wants.

    A staircase decides when the trial is first shown, from the answers that are stored by then, and what it decided is
    kept: whoever comes back, or sends an answer again, sees the same. Practice, attention items and repeats are shown
    for as long as the staircase stands at, and do not move it.

    Args:
        connection: to the study's database; nobody else writes for this rater meanwhile.
        version: of the study.
        trial: whose turn it is.
    """
    staircase, judgements = version.design.staircase, version.design.session.judgements
    if staircase is None:
        return version.design.session.exposure_ms
    known: int | None = connection.execute(_KNOWN, {"trial": trial.id}).scalar_one_or_none()
    if known is not None:
        return known
    earlier = connection.execute(_EARLIER, {"rater": trial.rater_id, "position": trial.position}).all()
    block = staircase.block_of(len(earlier), judgements)
    # A withdrawn trial has no answer: it takes its place in the block, and moves nothing.
    right = [
        _is_right(version, row.left, row.choice)
        for place, row in enumerate(earlier)
        if row.choice is not None and staircase.block_of(place, judgements) == block
    ]
    ms = staircase.exposure(right)
    judged = block if trial.role == "judge" else None
    connection.execute(_EXPOSED, {"trial_id": trial.id, "block": judged, "ms": ms})
    return ms


def _is_right(version: Version, place: int, choice: str) -> bool:
    """Whether real was said of a real picture, or fake of another."""
    return (choice == "real") == (version.collection.media[place].system == version.design.truth)
