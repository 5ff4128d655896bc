"""A study's database: SQLite in a file, or PostgreSQL. What was committed survives a killed server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import SQLITE_BUSY, Cursor, OperationalError
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from diorama.core.errors import BadInput, DioramaError
from diorama.study.group_commit import GroupCommit
from diorama.study.tables import METADATA

FILE = "answers.sqlite"
_WAIT_SECONDS = 5
_PAUSE_SECONDS = 0.01
_CONNECTIONS = 16
_WRITES = "diorama_writes"
_LOCK = int.from_bytes(b"diorama")
"""PostgreSQL's number of the lock: any that no other program is likely to use."""


class DatabaseUnavailable(DioramaError):
    """The database cannot be reached, or takes nothing more. Nothing of the transaction is kept."""


class Database:
    """Transactions on a study's database.

    Args:
        where: a SQLAlchemy URL of SQLite or PostgreSQL, or the path of an SQLite file.

    Raises:
        BadInput: another kind of database, or its driver is not installed.
        DatabaseUnavailable: it cannot be reached.
    """

    def __init__(self, where: str | Path) -> None:
        url = _url(where)
        self.sqlite = url.get_backend_name() == "sqlite"
        self._name = str(url.database) if self.sqlite else f"{url.host}/{url.database}"
        waits: dict[str, Any] = {"timeout": _WAIT_SECONDS} if self.sqlite else {"connect_timeout": _WAIT_SECONDS}
        try:
            self.engine = create_engine(
                url,
                pool_size=_CONNECTIONS,
                max_overflow=0,
                pool_timeout=_WAIT_SECONDS,
                connect_args=waits,
            )
        except ImportError as problem:
            raise BadInput(f"{url.drivername}: its driver is missing; pip install 'diorama[postgres]'") from problem
        self._shared: GroupCommit | None = None
        if self.sqlite:
            _private(url.database)
            self._shared = GroupCommit(self.engine, {_WRITES: True})
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        with self.alone() as connection:
            METADATA.create_all(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads.

        Raises:
            DatabaseUnavailable: it cannot be reached.
        """
        with _told_plainly(self._name), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed when the block ends well, and else leaves nothing.

        Raises:
            DatabaseUnavailable: it cannot be reached, or its disk is full.
        """
        writing = self._shared.transaction() if self._shared else self.engine.begin()
        with _told_plainly(self._name), writing as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """As :meth:`writing`, while whoever else asks for this waits: for what two servers that start at once both find
        missing, and would both make.

        Raises:
            DatabaseUnavailable: it cannot be reached.
        """
        with self.writing() as connection:
            # In SQLite every transaction that writes is alone.
            if not self.sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def now() -> datetime:
    """The time in UTC, without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as problem:
        raise BadInput("the database's address is not one of the form postgresql://USER@HOST/NAME") from problem
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadInput(f"{backend}: a study is kept in SQLite (a file) or PostgreSQL (postgresql://…)")
    return url


def _private(file: str | None) -> None:
    """A new file that others on this machine cannot read: it holds every rater's link."""
    if file and file != ":memory:":
        # What cannot be made here is said where it is opened.
        with suppress(OSError):
            Path(file).touch(0o600)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver would begin transactions when it sees fit.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    # With FULL, what was committed outlives a power cut, and not only a killed process.
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Cursor) -> None:
    """Let readers read while another writes.

    A new file is changed to this by whoever holds it alone. Of several that ask for it at once SQLite refuses all but
    one without the wait that it keeps elsewhere, so the wait is here.
    """
    end = monotonic() + _WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except OperationalError as problem:
            # The lowest byte is the kind; what is above it says more closely why.
            if problem.sqlite_errorcode & 0xFF != SQLITE_BUSY or monotonic() > end:
                raise
            sleep(_PAUSE_SECONDS)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could find that another one wrote in between.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _told_plainly(name: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout) as problem:
        # The driver's message may name hosts and statements: it is for the log, not for raters.
        cause = getattr(problem, "orig", None) or problem
        raise DatabaseUnavailable(f"{name}: the study's database refuses: {str(cause).splitlines()[0]}") from problem
