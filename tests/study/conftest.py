"""Databases of studies: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.postgres_cluster import Cluster, NoPostgres, temporary_cluster

from tests.study.studies import QUICK, Served, served, small_study


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL cluster of the tests' own; skips, with the reason, where there is none to be had."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    try:
        with temporary_cluster(durable=False) as made:
            yield made
    except NoPostgres as problem:
        pytest.skip(str(problem))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes an empty database and gives its URL."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'database.sqlite'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return lambda: cluster.database(f"study_{secrets.token_hex(4)}")


@pytest.fixture
def server(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Served]:
    """A small study, served from each of the databases, to raters who may be quick."""
    with served(small_study(tmp_path), new_database(), limits=QUICK) as running:
        yield running
