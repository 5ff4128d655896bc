"""Running a study's server, and reading its database from outside."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from diorama.core.errors import BadInput
from diorama.data.answers import Answers
from diorama.study.folder import open_study

if TYPE_CHECKING:
    from diorama.study.versions import Version

ADMIN_FILE = "admin-token"
DATABASE_VARIABLE = "DIORAMA_STUDY_DATABASE"


@dataclass(frozen=True, kw_only=True)
class ServeAt:
    """Where a study is served, and kept.

    Args:
        host: address that is listened at.
        port: likewise; 0 for a free one.
        database: a URL; ``None`` for the environment's, or the study's own file.
    """

    host: str
    port: int
    database: str | None = None


def require_packages() -> None:
    """Refuse where what serves studies is not installed.

    Raises:
        BadInput: naming what to install.
    """
    lacking = [name for name in ("fastapi", "sqlalchemy", "jinja2", "uvicorn") if find_spec(name) is None]
    if lacking:
        raise BadInput(f"{', '.join(lacking)}: not installed; pip install 'diorama[study]'")


def serve(folder: Path, at: ServeAt, *, anyone: bool = False, changed: bool = False) -> None:
    """Serve a study until the process is interrupted; the addresses are printed once it listens.

    Raises:
        BadInput: no study, one that was changed or of which no picture is left, or an address that is taken.
        DatabaseUnavailable: the database cannot be reached.
    """
    from diorama.study.database import Database
    from diorama.study.listening import address_of, answer_requests, listen
    from diorama.study.server import ServeOptions, make_app
    from diorama.study.versions import open_version

    study = open_study(folder)
    database = Database(database_of(folder, at.database))
    # Closed also where the study is not served after all: an open file would go on holding what it knew.
    with closing(database):
        version = open_version(database, study, changed=changed)
        _tell_missing(folder, version)
        # Of two servers that start at once one makes it, and the other reads it.
        with database.alone():
            token = _admin_token(folder)
        app = make_app(study, version, database, ServeOptions(admin_token=token, anyone=anyone))
        listening = listen(at.host, at.port)
        address = address_of(listening)
        print(f"{version.name}: serving at {address}", flush=True)
        print(f"administrator: {address}/a/{token}", flush=True)
        answer_requests(app, listening)


def exported(folder: Path, database: str | None, number: int | None) -> Answers:
    """The answers of a study's version, read while it is served or afterwards.

    Args:
        folder: of the study.
        database: a URL; ``None`` for the environment's, or the study's own file.
        number: of the version; ``None`` for the latest.

    Raises:
        BadInput: there is no such study or version.
        DatabaseUnavailable: the database cannot be reached.
    """
    from diorama.study.database import Database
    from diorama.study.exporting import answers_of
    from diorama.study.versions import latest_version, versions_of

    name = open_study(folder).design.name
    where = database_of(folder, database)
    if isinstance(where, Path) and not where.is_file():
        raise BadInput(f"{where}: is not there yet; `diorama study serve` begins it")
    opened = Database(where)
    try:
        if number is None:
            return answers_of(opened, latest_version(opened, name))
        for version in versions_of(opened, name):
            if version.number == number:
                return answers_of(opened, version)
    finally:
        opened.close()
    raise BadInput(f"{folder}: has no version {number}")


def database_of(folder: Path, named: str | None) -> str | Path:
    """Where a study's answers are: what was named, what the environment says, or a file in its folder."""
    from diorama.study.database import FILE

    return named or os.environ.get(DATABASE_VARIABLE) or folder / FILE


def _tell_missing(folder: Path, version: Version) -> None:
    """Say how many of a study's files are gone; where all are, no rater could judge anything."""
    from diorama.study.collection import FOLDER
    from diorama.study.media_files import MediaFiles

    media, count = MediaFiles(folder, version.collection.bytes), len(version.collection.media)
    missing = len(media.missing(version))
    if missing == count:
        raise BadInput(f"{folder / FOLDER}: none of the study's {count:,} files is there, or whole; put them back")
    if missing:
        print(
            f"{missing:,} of {count:,} files are missing: trials with them are withdrawn", file=sys.stderr, flush=True
        )


def _admin_token(folder: Path) -> str:
    """The administrator's token, the same at every start; only the owner of the folder may read it."""
    path = folder / ADMIN_FILE
    try:
        known = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        known = ""
    if len(known) >= 16:
        return known
    token = secrets.token_urlsafe(24)
    path.unlink(missing_ok=True)
    # Never readable to others, not for a moment.
    with open(path, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(token + "\n")
    return token
