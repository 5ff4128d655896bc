"""Blocks of many threads share commits; each is kept whole or not at all, and none is told that it is kept before."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from diorama.study.database import Database, DatabaseUnavailable


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "x.sqlite")
    with made.writing() as connection:
        connection.execute(text("CREATE TABLE kept (n INTEGER PRIMARY KEY)"))
    return made


def kept(database: Database) -> set[int]:
    with database.reading() as connection:
        return {row.n for row in connection.execute(text("SELECT n FROM kept"))}


def put(database: Database, n: int, *, fail: bool = False) -> bool:
    """Whether the block ended well; from another connection it must then be seen at once."""
    try:
        with database.writing() as connection:
            connection.execute(text(f"INSERT INTO kept VALUES ({n})"))
            if fail:
                raise ValueError("on purpose")
    except ValueError:
        return False
    with sqlite3.connect(database.engine.url.database) as direct:
        assert direct.execute("SELECT count(*) FROM kept WHERE n = ?", (n,)).fetchone() == (1,)
    return True


def test_what_ends_well_is_kept_and_what_fails_leaves_nothing(database: Database) -> None:
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda n: put(database, n, fail=n % 3 == 0), range(120)))
    assert kept(database) == {n for n, well in enumerate(done) if well} == {n for n in range(120) if n % 3}


def test_threads_that_wait_share_a_commit(database: Database) -> None:
    commits: list[Any] = []
    event.listen(database.engine, "commit", commits.append)
    begun = threading.Barrier(9)

    def slow() -> None:
        with database.writing() as connection:
            begun.wait()
            time.sleep(0.3)
            connection.execute(text("INSERT INTO kept VALUES (100)"))

    def quick(n: int) -> None:
        begun.wait()
        put(database, n)

    threads = [threading.Thread(target=slow), *(threading.Thread(target=quick, args=(n,)) for n in range(8))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(database) == {*range(8), 100}
    assert len(commits) < len(threads)


def test_a_commit_that_fails_fails_for_all_that_share_it(database: Database) -> None:
    def refuse(_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(database.engine, "commit", refuse)
    failed = []

    def one(n: int) -> None:
        try:
            put(database, n)
        except (DatabaseUnavailable, sqlite3.OperationalError):
            failed.append(n)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(12)))
    event.remove(database.engine, "commit", refuse)
    assert sorted(failed) == list(range(12))
    assert kept(database) == set()
    assert put(database, 50)


def test_what_sqlite_rolls_back_by_itself_is_acknowledged_to_nobody(database: Database) -> None:
    begun, refused = threading.Event(), []

    def one(n: int, *, full: bool) -> None:
        try:
            with database.writing() as connection:
                connection.execute(text(f"INSERT INTO kept VALUES ({n})"))
                if not full:
                    begun.set()
                    time.sleep(0.2)  # so that the other one waits, and joins the transaction
                    return
                # As SQLite does where the disk is full: all of the transaction goes, not this block's part alone.
                connection.connection.driver_connection.execute("ROLLBACK")
                raise sqlite3.OperationalError("database or disk is full")
        except (DatabaseUnavailable, sqlite3.OperationalError):
            refused.append(n)

    first = threading.Thread(target=one, args=(1,), kwargs={"full": False})
    first.start()
    begun.wait()
    one(2, full=True)
    first.join()
    assert sorted(refused) == [1, 2]
    assert kept(database) == set()
    assert put(database, 3)


def test_a_transaction_that_cannot_begin_keeps_no_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(database.engine.url.database, isolation_level=None) as other:
        other.execute("PRAGMA busy_timeout=0")
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")
        kept_alive = []
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable) as refused, database.writing():
                pass
            # Its traceback would hold what was not closed.
            kept_alive.append(refused.value)
            assert database.engine.pool.checkedout() == 0
        other.execute("ROLLBACK")
    assert put(database, 1)
