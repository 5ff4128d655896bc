"""Servers that start at once on a new database find one study in it, and one token of the administrator's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from diorama.study.database import Database
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
