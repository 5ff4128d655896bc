"""Transactions of many threads on one SQLite file, several of which share a commit.

SQLite lets one transaction write at a time, and most of its time is spent waiting for the disk. Threads that wait for
their turn meanwhile join the transaction that is open, each behind a savepoint, and the last one commits for all.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

_MOST = 64
"""Blocks that share a commit, so that the first of them does not wait for ever."""


class _Batch:
    """Blocks that are committed together."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transaction = connection.begin()
        self.blocks = 0
        self.problem: BaseException | None = None
        self.ended = threading.Event()
        self._driver: Any = connection.connection.dbapi_connection

    def lost(self) -> bool:
        """Whether SQLite has rolled everything back by itself, as it does on a full disk."""
        return not self._driver.in_transaction

    def leave_nothing(self) -> None:
        """Roll back what a failed commit has left open."""
        if self._driver.in_transaction:
            self._driver.rollback()


class GroupCommit:
    """Takes turns and shares commits.

    Args:
        engine: of an SQLite file, whose transactions begin as the options say.
        options: of the connections that write.
    """

    def __init__(self, engine: Engine, options: dict[str, Any]) -> None:
        self._engine, self._options = engine, options
        self._turn, self._counting = threading.Lock(), threading.Lock()
        self._coming = 0
        self._batch: _Batch | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """What the block writes is committed when this ends well; where the block fails, it leaves nothing."""
        self._come(1)
        with self._turn:
            self._come(-1)
            batch = self._batch = self._batch or self._begun()
            try:
                with batch.connection.begin_nested():
                    yield batch.connection
            finally:
                batch.blocks += 1
                if batch.lost() or self._coming == 0 or batch.blocks >= _MOST:
                    self._end(batch)
        batch.ended.wait()
        if batch.problem is not None:
            raise batch.problem

    def _begun(self) -> _Batch:
        connection = self._engine.connect()
        try:
            return _Batch(connection.execution_options(**self._options))
        except BaseException:
            # As where another process writes for longer than is waited.
            connection.close()
            raise

    def _come(self, count: int) -> None:
        with self._counting:
            self._coming += count

    def _end(self, batch: _Batch) -> None:
        """Commit; every block learns of what goes wrong."""
        self._batch = None
        try:
            if batch.lost():
                # The driver would call it a success to commit nothing.
                raise OperationalError("COMMIT", None, sqlite3.OperationalError("SQLite rolled back by itself"))
            batch.transaction.commit()
        except BaseException as problem:
            batch.problem = problem
            batch.leave_nothing()
        finally:
            # Whatever happens, nobody waits for ever.
            batch.ended.set()
            batch.connection.close()
