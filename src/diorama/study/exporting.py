"""A study's answers as they leave the database: practice left out, blinding taken off."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from diorama.data.answers import Answer, Answers
from diorama.study.collection import Collection
from diorama.study.database import Database
from diorama.study.design import StudyDesign
from diorama.study.plan import PlannedTrial
from diorama.study.sessions import utc
from diorama.study.tables import ANSWERS, EXPOSURES, RATERS, TRIALS
from diorama.study.versions import Version

NOISE = "noise"
"""What attention items show, in the place of a system."""


def answers_of(database: Database, version: Version) -> Answers:
    """All that was shown in a version, with what was answered; what was shown and not answered has an empty choice.

    Raises:
        DatabaseUnavailable: it cannot be reached.
    """
    query = (
        select(
            RATERS.c.number, TRIALS, ANSWERS.c.choice, ANSWERS.c.ms, EXPOSURES.c.ms.label("exposure"), EXPOSURES.c.block
        )
        .select_from(TRIALS)
        .join(RATERS, RATERS.c.id == TRIALS.c.rater_id)
        .outerjoin(EXPOSURES, EXPOSURES.c.trial_id == TRIALS.c.id)
        .outerjoin(ANSWERS, ANSWERS.c.trial_id == TRIALS.c.id)
        .where(RATERS.c.version_id == version.id, TRIALS.c.role != "practice", TRIALS.c.shown_at.is_not(None))
        .order_by(RATERS.c.number, TRIALS.c.position)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    answers = []
    for row in rows:
        trial = PlannedTrial(role=row.role, left=row.left, right=row.right, of=row.first, wanted=row.wanted)
        sight = Sight(
            rater=rater_name(row.number),
            choice=row.choice or "",
            ms=row.ms,
            shown_at=utc(row.shown_at),
            exposure_ms=row.exposure,
            block=row.block,
        )
        answers.append(answer_of(version.name, version.design, version.collection, trial, sight))
    return Answers(rows=tuple(answers), truth=version.design.truth)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a rater made of a trial.

    Args:
        rater: who; the name says nothing of the person.
        choice: empty for none.
        ms: from the first sight to the answer; ``None`` for no answer.
        shown_at: ISO 8601 in UTC.
        exposure_ms: how long a staircase had it shown; ``None`` for as long as the design says.
        block: of the staircase; ``None`` outside one.
    """

    rater: str
    choice: str
    ms: int | None
    shown_at: str
    exposure_ms: int | None = None
    block: int | None = None


def rater_name(number: int) -> str:
    """What exports call a rater."""
    return f"r{number:04d}"


def answer_of(study: str, design: StudyDesign, collection: Collection, trial: PlannedTrial, sight: Sight) -> Answer:
    """A trial and what a rater made of it, as exports have them.

    Args:
        study: what exports call it.
        design: of the study.
        collection: of the study.
        trial: what was asked, with its pictures.
        sight: what was answered.
    """
    assert trial.left is not None
    shown = [collection.media[place] for place in (trial.left, trial.right) if place is not None]
    attention = trial.role == "attention"
    return Answer(
        study=study,
        item=next(medium.item for medium in shown if not attention or not medium.system),
        rater=sight.rater,
        kind="attention" if attention else design.kind,
        left=NOISE if attention else shown[0].system,
        right=trial.wanted if attention else shown[1].system if len(shown) > 1 else "",
        choice=sight.choice,
        ms=sight.ms,
        shown_at=sight.shown_at,
        repeat=1 if trial.role == "repeat" else 0,
        exposure_ms=design.session.exposure_ms if sight.exposure_ms is None else sight.exposure_ms,
        block=sight.block,
    )
