"""Servers that start at once on a new database find one study in it, and one token of the administrator's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Timer

import pytest

from diorama.study.database import Database, DatabaseUnavailable
from diorama.study.folder import Study
from diorama.study.serve import _admin_token
from diorama.study.versions import Version, open_version, versions_of
from tests.study.studies import small_study

AT_ONCE, TIMES = 8, 5


def started(study: Study, url: str) -> list[tuple[Version, str]]:
    """What each of several servers that start at the same moment opens."""
    together = Barrier(AT_ONCE)

    def start(_: int) -> tuple[Version, str]:
        together.wait()
        database = Database(url)
        try:
            version = open_version(database, study)
            with database.alone():
                return version, _admin_token(study.folder)
        finally:
            database.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(start, range(AT_ONCE)))


def test_servers_that_start_at_once_share_a_new_database(new_database: Callable[[], str], tmp_path: Path) -> None:
    for turn in range(TIMES):
        study, url = small_study(tmp_path / str(turn)), new_database().replace("database.sqlite", f"{turn}.sqlite")
        assert len(set(started(study, url))) == 1
        database = Database(url)
        assert [version.number for version in versions_of(database, "small")] == [1]
        database.close()


def test_a_server_waits_for_another_that_holds_the_new_file(tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    letting_go = Timer(0.3, other.commit)
    letting_go.start()
    Database(file).close()
    letting_go.join()
    other.close()


def test_a_file_that_is_never_let_go_is_said_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "answers.sqlite"
    monkeypatch.setattr("diorama.study.database._WAIT_SECONDS", 0.2)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match=r"answers\.sqlite: the study's database refuses: .*locked"):
            Database(file)
