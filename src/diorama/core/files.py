"""Files that are either whole or absent, and hashes of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where the system lets folders be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file atomically: readers see the old content or the new, never a part.

    Args:
        path: its folder is made where it is missing.
        content: all of it.
        durable: wait until the disk has it. Not worth the milliseconds for one of many files that can be made again.
    """
    with fresh_file(path, durable=durable) as file:
        file.write(content)


@contextmanager
def fresh_file(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file that appears at ``path`` only when the block ends well; an older one there is replaced.

    Args:
        path: its folder is made where it is missing.
        durable: see :func:`write_bytes`.
    """
    partial = _beside(path, "partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as problem:
        # People know the file that they asked for, not the one beside it; the block may have met another.
        if problem.filename is None or Path(problem.filename) in (partial, *partial.parents):
            problem.filename, problem.filename2 = str(path), None
        raise
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically; stray bytes of file names become escapes, which JSON reads back as they were."""
    write_bytes(path, content.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write JSON atomically; ``nan`` and infinities are refused, since they are not JSON.

    Without ``indent`` it stands in one line, and is written in a tenth of the time.
    """
    write_text(path, json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False) + "\n")


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """A folder that appears at ``path`` only when the block ends well; an older one there is replaced.

    Two renames replace it, since no system exchanges folders in one: a kill between them leaves the older one under
    another name, from which :func:`sweep` puts it back.
    """
    partial = _beside(path, "partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
    except OSError as problem:
        problem.filename = str(path)
        raise
    try:
        yield partial
        if path.exists():
            replaced = _beside(path, "replaced")
            os.replace(path, replaced)
            try:
                os.replace(partial, path)
            except OSError:
                os.replace(replaced, path)
                raise
            # The new folder must be there for good before the old one is gone.
            _sync_folder(path.parent)
            shutil.rmtree(replaced)
        else:
            os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder; a kill on the way leaves none of it under its name, and :func:`sweep` removes the rest."""
    doomed = _beside(path, "removed")
    os.replace(path, doomed)
    shutil.rmtree(doomed)


def sweep(folder: Path) -> None:
    """Mend what killed processes left in a folder in which nobody else writes.

    What was to be replaced and is missing is put back from its older copy; what is half written or half removed goes.
    """
    # Newest first: of several copies of what is missing that one comes back, and then nothing is missing.
    for copy in sorted(folder.glob(".*.replaced-*"), key=lambda path: path.stat().st_mtime, reverse=True):
        original = folder / copy.name[1:].rpartition(".replaced-")[0]
        if original.exists():
            _remove(copy)
        else:
            os.replace(copy, original)
    for left in (*folder.glob(".*.partial-*"), *folder.glob(".*.removed-*")):
        _remove(left)


def _beside(path: Path, what: str) -> Path:
    """A name of this process beside a path, which listings hide."""
    return path.with_name(f".{path.name}.{what}-{os.getpid()}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Where things lie that can be made or fetched again: ``DIORAMA_CACHE``, else the user's cache folder."""
    if named := os.environ.get("DIORAMA_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diorama"
