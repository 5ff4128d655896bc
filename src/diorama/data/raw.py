"""Data sets by whatever name a user gives: prepared folders, small raw sources, the built-in world."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset, is_prepared, open_dataset
from diorama.data.prepare import PrepareOptions, prepare
from diorama.data.sources.world import WORLD, WORLD_VIDEO

_EDITION = 4
"""Grows when preparation makes something else of the same source, so that what a cache holds is made anew."""

FILES_AT_MOST, BYTES_AT_MOST = 20_000, 2 << 30
"""A raw source beyond either is for ``diorama prepare``, with options of the user's own choice."""


def open_any(path: Path | str, cache: Path) -> Dataset:
    """The data set that ``path`` names.

    Args:
        path: a prepared folder; a small raw folder, archive or file, prepared once with the default options into
            ``cache`` and anew when it changes; or the words ``world`` and ``world-video``.
        cache: where raw sources are prepared. Several processes may do so at once.

    Raises:
        BadInput: nothing is there, it cannot be read, or it is too large to be prepared on the way.
    """
    if is_prepared(path):
        return open_dataset(path)
    folder = Path(path)
    if not folder.exists():
        if str(path) not in (WORLD, WORLD_VIDEO):
            raise BadInput(f"{path}: there is no such folder or file, and it is not the word {WORLD} or {WORLD_VIDEO}")
        name, key = str(path), f"{path}-{version('diorama')}-{_EDITION}"
    else:
        name, key = folder.resolve().name, f"{folder.resolve()}\n{_fingerprint(folder)}-{_EDITION}"
    prepared = cache / "datasets" / f"{name}-{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    if not is_prepared(prepared):
        _prepare_once(path, prepared, name)
    return open_dataset(prepared)


def _prepare_once(source: Path | str, prepared: Path, name: str) -> None:
    """Prepare beside the place and move there; where another process was faster, its folder is kept."""
    # Each process in a folder of its own; the name of the finished one is taken by the first.
    own = prepared.with_name(f"{prepared.name}.{os.getpid()}")
    shutil.rmtree(own, ignore_errors=True)
    deque(prepare([source], own, PrepareOptions(name=name)), maxlen=0)
    try:
        own.rename(prepared)
    except OSError:
        if not is_prepared(prepared):
            raise
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _fingerprint(source: Path) -> str:
    """Names, sizes and times of all files: what tells whether a source has changed."""
    state, files, total = hashlib.sha256(), 0, 0
    for path in _files(source):
        status = path.stat()
        files, total = files + 1, total + status.st_size
        if files > FILES_AT_MOST or total > BYTES_AT_MOST:
            raise BadInput(f"{source}: is large; prepare it first: `diorama prepare {source} --out FOLDER`")
        line = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
        state.update(line.encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())
