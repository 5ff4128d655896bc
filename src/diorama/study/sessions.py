"""A rater's way through a study: agree, answer one trial after the other, be done. All of it is in the database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from diorama.study.addresses import may_be_token, media_address, trial_address
from diorama.study.collection import Collection
from diorama.study.database import Database, now
from diorama.study.design import StudyDesign
from diorama.study.exposures import exposure_of
from diorama.study.order import Trial
from diorama.study.plan import PlannedTrial, shown, trials_of
from diorama.study.tables import ANSWERS, RATERS, TRIALS
from diorama.study.versions import Version, is_full, progress_of, version_of

SIDES = ("left", "right")
_AHEAD = 2
"""Trials that a browser is told of: the one whose turn it is, and the one whose pictures it loads meanwhile."""
NO_LINK = "There is no such link. Please check that the whole address was copied."
_REMEMBERED = 20_000
"""Addresses of media that are kept in memory."""


# Statements of the way that every answer takes, put together once.
_RATER = select(RATERS).where(RATERS.c.token == bindparam("token"))
_RATER_LOCKED = _RATER.with_for_update()
_WITH_ANSWERS = TRIALS.outerjoin(ANSWERS, ANSWERS.c.trial_id == TRIALS.c.id)
_OF_RATER = (TRIALS.c.rater_id == bindparam("rater")) & ~TRIALS.c.withdrawn
_OPEN = (
    select(TRIALS)
    .select_from(_WITH_ANSWERS)
    .where(_OF_RATER, ANSWERS.c.trial_id.is_(None))
    .order_by(TRIALS.c.position)
    .limit(bindparam("most"))
)
_COUNTS = select(func.count(), func.count(ANSWERS.c.trial_id)).select_from(_WITH_ANSWERS).where(_OF_RATER)
_WITHDRAWN = select(func.count()).where(TRIALS.c.rater_id == bindparam("rater"), TRIALS.c.withdrawn)
_ANSWER, _TRIALS = insert(ANSWERS), insert(TRIALS)
_SHOWN = update(TRIALS).where(TRIALS.c.id == bindparam("trial")).values(shown_at=bindparam("now"))


class Refused(Exception):
    """An answer or a wish that is not granted.

    Args:
        status: of HTTP: 404 for a link that does not exist, 409 for a trial whose turn it is not, 422 for what is no
            answer.
        message: for people.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, kw_only=True)
class Given:
    """An answer as a browser sends it.

    Args:
        key: that the browser made for this answer; the same one sent again is the same answer.
        trial: its address.
        choice: one of the kind's.
        ms: from the first sight to the answer.
    """

    key: str
    trial: str
    choice: str
    ms: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """A trial as a browser may know it.

    Args:
        trial: its address.
        role: ``practice`` or ``judge``: repeats and attention items look like judgements.
        media: addresses, left and right or one.
        exposure_ms: how long they are shown; ``None`` for as long as the rater wants.
    """

    trial: str
    role: Literal["practice", "judge"]
    media: tuple[str, ...]
    exposure_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a rater stands.

    Args:
        version: of the study that is theirs.
        stage: ``consent``, ``full`` (nobody new is let in), ``trials``, ``done``, or ``gone`` (no picture was left that
            the rater could have judged).
        question: whose turn it is.
        then: addresses of the media after it, to be loaded ahead.
        answered: trials that are done.
        of: of how many.
        withdrawn: trials whose pictures could no longer be shown; told where the rater is done.
    """

    version: Version
    stage: Literal["consent", "full", "trials", "done", "gone"]
    question: Question | None = None
    then: tuple[str, ...] = ()
    answered: int = 0
    of: int = 0
    withdrawn: int = 0


Chooser = Callable[[Connection, Version, int], Trial]
"""What a rater, known by the place in the database, judges next; for adaptive orders."""


class Sessions:
    """The raters of a study.

    Args:
        database: of the study.
        choices: what may be chosen, of a version.
        judgements: what the rater of a number is to judge; ``None`` where an adaptive order chooses later.
        choose: for adaptive orders.
        is_there: whether a medium can still be shown.
    """

    def __init__(
        self,
        database: Database,
        *,
        choices: Callable[[Version], Sequence[str]],
        judgements: Callable[[StudyDesign, Collection, int], Sequence[Trial | None]],
        choose: Chooser,
        is_there: Callable[[Version, int], bool],
    ) -> None:
        self.database = database
        self._choices, self._judgements, self._choose, self._is_there = choices, judgements, choose, is_there
        self._versions: dict[int, Version] = {}
        self._addresses: OrderedDict[tuple[str, str], tuple[Version, int]] = OrderedDict()

    def standing(self, token: str) -> Standing:
        """Where a rater stands; what is shown next counts as shown now.

        Raises:
            Refused: there is no such rater.
            DatabaseUnavailable: it cannot be reached.
        """
        with self.database.writing() as connection:
            rater = self._rater(connection, token)
            return self._standing(connection, rater, self._open(connection, rater, _AHEAD))

    def agree(self, token: str) -> None:
        """The rater agrees to take part, and the trials are laid out.

        Raises:
            Refused: there is no such rater, or the study is full.
        """
        # Laid out before the transaction, which others wait for.
        with self.database.reading() as connection:
            rater = self._rater(connection, token, locked=False)
            version = self._version(connection, rater)
        judged = self._judgements(version.design, version.collection, rater.number)
        trials = trials_of(version.design, version.collection, rater.number, judged)
        rows = [_row(rater.id, position, trial) for position, trial in enumerate(trials)]
        with self.database.writing() as connection:
            if self._rater(connection, token).agreed_at is not None:
                return
            if is_full(progress_of(connection, version), version.design):
                raise Refused(409, "The study has all the answers it needs. Thank you for your interest.")
            connection.execute(_TRIALS, rows)
            connection.execute(update(RATERS).where(RATERS.c.id == rater.id).values(agreed_at=now()))

    def answer(self, token: str, given: Given) -> Standing:
        """Store an answer. When this returns, it is committed, and stored once, however often it was sent.

        Returns:
            Where the rater stands now.

        Raises:
            Refused: no such rater; a trial that is another's, was answered otherwise, or whose turn it is not; no
                choice of this study.
            DatabaseUnavailable: it cannot be stored. Nothing was.
        """
        try:
            with self.database.writing() as connection:
                rater = self._rater(connection, token)
                return self._standing(connection, rater, self._store(connection, rater, given))
        except IntegrityError as problem:
            raise Refused(409, "Another answer was stored at the same time.") from problem

    def medium(self, token: str, address: str) -> tuple[Version, int]:
        """Which medium an address of a rater means: of the trial whose turn it is, of the last one, or of the next.

        Raises:
            Refused: none.
        """
        if not may_be_token(address):
            raise Refused(404, "There is no such picture.")
        if self.remembered(token, address) is None:
            with self.database.reading() as connection:
                rater = self._rater(connection, token, locked=False)
                version = self._version(connection, rater)
                for trial in self._near(connection, rater):
                    self._media_of(version, rater, trial)
        known = self.remembered(token, address)
        if known is None:
            raise Refused(404, "There is no such picture.")
        return known

    def remembered(self, token: str, address: str) -> tuple[Version, int] | None:
        """As :meth:`medium`, without a look into the database: ``None`` where that is needed."""
        return self._addresses.get((token, address))

    def _media_of(self, version: Version, rater: Row[Any], trial: Row[Any]) -> tuple[str, ...]:
        """Addresses of a trial's media, which are remembered, so that a picture costs no look into the database."""
        addresses = []
        for side in SIDES:
            place = getattr(trial, side)
            if place is not None:
                address = media_address(version.secret, rater.id, trial.position, side)
                addresses.append(address)
                self._addresses[(rater.token, address)] = version, place
        while len(self._addresses) > _REMEMBERED:
            self._addresses.popitem(last=False)
        return tuple(addresses)

    def _rater(self, connection: Connection, token: str, *, locked: bool = True) -> Row[Any]:
        if not may_be_token(token):
            raise Refused(404, NO_LINK)
        # Requests of one rater take turns, so that two at once see each other's answers.
        rater = connection.execute(_RATER_LOCKED if locked else _RATER, {"token": token}).one_or_none()
        if rater is None:
            raise Refused(404, NO_LINK)
        return rater

    def _version(self, connection: Connection, rater: Row[Any]) -> Version:
        """The version that is a rater's; a version never changes, so it is read once."""
        known = self._versions.get(rater.version_id)
        if known is None:
            known = self._versions[rater.version_id] = version_of(connection, rater.version_id)
        return known

    def _store(self, connection: Connection, rater: Row[Any], given: Given) -> Sequence[Row[Any]]:
        """Store an answer, or find that it is stored; the trials that come next."""
        version = self._version(connection, rater)
        if given.choice not in self._choices(version):
            raise Refused(422, "This is no answer to the question.")
        waiting = self._open(connection, rater, 1 + _AHEAD)
        current = waiting[0] if waiting else None
        if current is not None and given.trial == trial_address(version.secret, rater.id, current.position):
            values = {"key": given.key, "choice": given.choice, "ms": given.ms, "answered_at": now()}
            connection.execute(_ANSWER, {"trial_id": current.id, "rater_id": rater.id, **values})
            return waiting[1:]
        earlier = connection.execute(
            select(ANSWERS.c.choice, TRIALS.c.position)
            .join(TRIALS, TRIALS.c.id == ANSWERS.c.trial_id)
            .where(ANSWERS.c.rater_id == rater.id, ANSWERS.c.key == given.key)
        ).one_or_none()
        again = earlier is not None and given.trial == trial_address(version.secret, rater.id, earlier.position)
        if not again or earlier is None or earlier.choice != given.choice:
            raise Refused(409, "This question was answered already, or its turn has not come.")
        return waiting[:_AHEAD]

    def _standing(self, connection: Connection, rater: Row[Any], waiting: Sequence[Row[Any]]) -> Standing:
        version = self._version(connection, rater)
        if rater.agreed_at is None:
            full = is_full(progress_of(connection, version), version.design)
            return Standing(version=version, stage="full" if full else "consent")
        ahead = self._ahead(connection, rater, version, waiting)
        if not ahead:
            return self._ended(connection, rater, version)
        trial = ahead[0]
        connection.execute(_SHOWN, {"trial": trial.id, "now": now()})
        of, answered = connection.execute(_COUNTS, {"rater": rater.id}).one()
        return Standing(
            version=version,
            stage="trials",
            question=Question(
                trial=trial_address(version.secret, rater.id, trial.position),
                role="practice" if trial.role == "practice" else "judge",
                media=self._media_of(version, rater, trial),
                exposure_ms=exposure_of(connection, version, trial),
            ),
            then=self._media_of(version, rater, ahead[1]) if len(ahead) > 1 else (),
            answered=answered,
            of=of,
        )

    def _ended(self, connection: Connection, rater: Row[Any], version: Version) -> Standing:
        _, answered = connection.execute(_COUNTS, {"rater": rater.id}).one()
        withdrawn = connection.execute(_WITHDRAWN, {"rater": rater.id}).scalar_one()
        if not answered:
            # Whoever found all pictures gone gave nothing that the study's end could count.
            return Standing(version=version, stage="gone", withdrawn=withdrawn)
        if rater.finished_at is None:
            connection.execute(update(RATERS).where(RATERS.c.id == rater.id).values(finished_at=now()))
        return Standing(version=version, stage="done", withdrawn=withdrawn)

    def _ahead(
        self, connection: Connection, rater: Row[Any], version: Version, waiting: Sequence[Row[Any]]
    ) -> list[Row[Any]]:
        """The next trials whose pictures are there; those before them whose are not are withdrawn."""
        while True:
            ahead = [self._chosen(connection, rater, version, trial) for trial in waiting]
            gone = [trial.id for trial in ahead if not self._can_be_shown(version, trial)]
            if not gone:
                return ahead
            connection.execute(update(TRIALS).where(TRIALS.c.id.in_(gone)).values(withdrawn=True))
            waiting = self._open(connection, rater, _AHEAD)

    def _can_be_shown(self, version: Version, trial: Row[Any]) -> bool:
        return all(self._is_there(version, place) for place in (trial.left, trial.right) if place is not None)

    def _chosen(self, connection: Connection, rater: Row[Any], version: Version, trial: Row[Any]) -> Row[Any]:
        """The trial with its pictures, which an adaptive order chooses when its turn comes near."""
        if trial.left is not None:
            return trial
        if trial.first is not None:
            of_rater = (TRIALS.c.rater_id == rater.id) & (TRIALS.c.position == trial.first)
            first = connection.execute(select(TRIALS.c.left, TRIALS.c.right).where(of_rater)).one()
            left, right = (first.left, None) if first.right is None else (first.right, first.left)
        else:
            judgement = self._choose(connection, version, rater.id)
            left, right = shown(version.design, version.collection, judgement)
        connection.execute(update(TRIALS).where(TRIALS.c.id == trial.id).values(left=left, right=right))
        return connection.execute(select(TRIALS).where(TRIALS.c.id == trial.id)).one()

    def _open(self, connection: Connection, rater: Row[Any], count: int) -> Sequence[Row[Any]]:
        """The next trials without an answer."""
        return connection.execute(_OPEN, {"rater": rater.id, "most": count}).all()

    def _near(self, connection: Connection, rater: Row[Any]) -> Sequence[Row[Any]]:
        """The next two trials and the one before: a browser may still be loading its pictures."""
        ahead = self._open(connection, rater, _AHEAD)
        before = ahead[0].position if ahead else 1 << 30
        last = select(TRIALS).where(TRIALS.c.rater_id == rater.id, TRIALS.c.position < before)
        return [*ahead, *connection.execute(last.order_by(TRIALS.c.position.desc()).limit(1)).all()]


def _row(rater: int, position: int, trial: PlannedTrial) -> dict[str, Any]:
    return {
        "rater_id": rater,
        "position": position,
        "role": trial.role,
        "left": trial.left,
        "right": trial.right,
        "first": trial.of,
        "wanted": trial.wanted,
    }


def utc(time: datetime | None) -> str:
    """A time of the tables as ISO 8601 in UTC; empty for none."""
    return "" if time is None else f"{time.isoformat(timespec='milliseconds')}Z"
