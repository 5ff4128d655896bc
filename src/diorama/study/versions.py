"""Versions of a study in its database: a study that is changed keeps the answers to the earlier one apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from diorama.core.config import encode
from diorama.core.errors import BadInput
from diorama.study.addresses import new_secret, new_token
from diorama.study.collection import FORMAT, Collection, collection_of
from diorama.study.database import Database, now
from diorama.study.design import StudyDesign, design_of, differences, plain
from diorama.study.folder import Study
from diorama.study.tables import ANSWERS, RATERS, TRIALS, VERSIONS


@dataclass(frozen=True)
class Version:
    """One version of a study.

    Args:
        id: in the database.
        number: from 1 on.
        secret: that its addresses are made with.
        design: what it asks.
        collection: what it shows.
    """

    id: int
    number: int
    secret: str
    design: StudyDesign
    collection: Collection

    @property
    def name(self) -> str:
        """What exports call it: the study's name, with a number from the second version on."""
        return self.design.name if self.number == 1 else f"{self.design.name}@{self.number}"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a version is.

    Args:
        invited: raters that have a link.
        agreed: those who agreed to take part.
        finished: those who answered everything.
        judgements: first judgements that were answered.
        withdrawn: trials whose pictures could no longer be shown.
    """

    invited: int
    agreed: int
    finished: int
    judgements: int
    withdrawn: int


def open_version(database: Database, study: Study, *, changed: bool = False) -> Version:
    """The version of a study that its folder holds now; the first one is made where there is none.

    Args:
        database: that holds its answers.
        study: as its folder holds it.
        changed: make a new version where the study differs from the latest one.

    Raises:
        BadInput: the study differs from the latest version, and ``changed`` was not said.
        DatabaseUnavailable: it cannot be reached.
    """
    values = _values(study)
    with database.alone() as connection:
        latest = _latest(connection, study.design.name)
        if latest is not None and latest.fingerprint == values["fingerprint"]:
            return _version(latest)
        if latest is not None and not changed:
            what = ", ".join(differences(_version(latest).design, study.design)) or "its pictures"
            raise BadInput(
                f"{study.folder}: was changed since its first rater could come ({what}). Change it back, or say "
                "--changed: then a new version begins, and the answers to the earlier one are kept apart"
            )
        number = 1 if latest is None else latest.number + 1
        connection.execute(
            insert(VERSIONS).values(
                study=study.design.name, number=number, secret=new_secret(), made_at=now(), **values
            )
        )
        made = _latest(connection, study.design.name)
        assert made is not None
        return _version(made)


def latest_version(database: Database, study: str) -> Version:
    """The latest version of a study.

    Raises:
        BadInput: the database has none.
    """
    with database.reading() as connection:
        row = _latest(connection, study)
    if row is None:
        raise BadInput(f"{study}: the database holds no such study; `diorama study serve` begins one")
    return _version(row)


def version_of(connection: Connection, identity: int) -> Version:
    """A version by its place in the database."""
    return _version(connection.execute(select(VERSIONS).where(VERSIONS.c.id == identity)).one())


def versions_of(database: Database, study: str) -> list[Version]:
    """All versions of a study, the first one first."""
    with database.reading() as connection:
        rows = connection.execute(select(VERSIONS).where(VERSIONS.c.study == study).order_by(VERSIONS.c.number)).all()
    return [_version(row) for row in rows]


def invite(database: Database, version: Version, count: int) -> list[str]:
    """Make links for more raters.

    Returns:
        Their tokens.
    """
    tokens = [new_token() for _ in range(count)]
    with database.writing() as connection:
        # Whoever else numbers raters of this version waits.
        connection.execute(select(VERSIONS.c.id).where(VERSIONS.c.id == version.id).with_for_update())
        last = select(func.coalesce(func.max(RATERS.c.number), -1)).where(RATERS.c.version_id == version.id)
        first = connection.execute(last).scalar_one() + 1
        rows = [{"version_id": version.id, "number": first + i, "token": token} for i, token in enumerate(tokens)]
        connection.execute(insert(RATERS), rows)
    return tokens


def tokens_of(database: Database, version: Version) -> list[tuple[str, str]]:
    """Every rater's token, and how far that rater is in a word."""
    columns = select(RATERS.c.token, RATERS.c.agreed_at, RATERS.c.finished_at)
    with database.reading() as connection:
        rows = connection.execute(columns.where(RATERS.c.version_id == version.id).order_by(RATERS.c.number)).all()
    return [(row.token, "finished" if row.finished_at else "begun" if row.agreed_at else "unused") for row in rows]


def progress_of(connection: Connection, version: Version) -> Progress:
    """How far a version is."""
    mine = RATERS.c.version_id == version.id
    counts = select(func.count(), func.count(RATERS.c.agreed_at), func.count(RATERS.c.finished_at)).where(mine)
    invited, agreed, finished = connection.execute(counts).one()
    trials = TRIALS.join(RATERS, TRIALS.c.rater_id == RATERS.c.id)
    withdrawn = select(func.count()).select_from(trials).where(mine, TRIALS.c.withdrawn)
    answered = select(func.count()).select_from(trials.join(ANSWERS, ANSWERS.c.trial_id == TRIALS.c.id))
    return Progress(
        invited=invited,
        agreed=agreed,
        finished=finished,
        judgements=connection.execute(answered.where(mine, TRIALS.c.role == "judge")).scalar_one(),
        withdrawn=connection.execute(withdrawn).scalar_one(),
    )


def is_full(progress: Progress, design: StudyDesign) -> bool:
    """Whether the stopping rule lets nobody new in."""
    stop = design.stop
    return progress.finished >= stop.raters or (stop.judgements is not None and progress.judgements >= stop.judgements)


def _latest(connection: Connection, study: str) -> Row[Any] | None:
    query = select(VERSIONS).where(VERSIONS.c.study == study).order_by(VERSIONS.c.number.desc()).limit(1)
    return connection.execute(query).one_or_none()


def _version(row: Row[Any]) -> Version:
    where = f"version {row.number} in the database"
    design, collection = design_of(json.loads(row.design), where), collection_of(json.loads(row.collection), where)
    return Version(row.id, row.number, row.secret, design, collection)


def _values(study: Study) -> dict[str, str]:
    """A study as text, and the hash that tells versions apart."""
    design = json.dumps(plain(study.design), sort_keys=True)
    collection = json.dumps({"format": FORMAT, **encode(study.collection)}, sort_keys=True)
    fingerprint = hashlib.sha256(f"{design}\n{collection}".encode()).hexdigest()
    return {"fingerprint": fingerprint, "design": design, "collection": collection}
