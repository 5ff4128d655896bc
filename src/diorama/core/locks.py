"""One process at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from diorama.core.errors import BadInput

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Hold a folder for the length of the block; a killed process lets go of it.

    Raises:
        BadInput: another process holds it.
    """
    lock = folder / ".lock"
    handle = _system_lock(lock) if fcntl else _pid_lock(lock)
    try:
        yield
    finally:
        # The name goes while the file is still held, so that nobody locks a file that has no name.
        if fcntl:
            lock.unlink(missing_ok=True)
        os.close(handle)
        if not fcntl:
            lock.unlink(missing_ok=True)


def holder(folder: Path) -> int | None:
    """The process that is at work in a folder, as far as its lock tells; looking disturbs nobody.

    ``None`` where there is none, or where it was killed.
    """
    try:
        text = (folder / ".lock").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() and psutil.pid_exists(int(text)) else None


def _system_lock(lock: Path) -> int:
    """A lock that the system drops with the process."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            holder = os.read(handle, 32).decode()
            os.close(handle)
            raise _busy(lock.parent, holder) from problem
        try:
            # The holder before may have removed the name between our open and our lock.
            if lock.exists() and os.path.samestat(os.fstat(handle), lock.stat()):
                os.truncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
                return handle
        except OSError:
            # On a full disk; a handle left open would hold the folder as long as this process lives.
            os.close(handle)
            raise
        os.close(handle)


def _pid_lock(lock: Path) -> int:
    """A file that names its process; one whose process is gone is taken over."""
    for _ in range(2):
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            holder = lock.read_text().strip()
            if not holder.isdigit() or psutil.pid_exists(int(holder)):
                break
            lock.unlink(missing_ok=True)
            continue
        os.write(handle, str(os.getpid()).encode())
        return handle
    raise _busy(lock.parent, holder)


def _busy(folder: Path, holder: str) -> BadInput:
    return BadInput(
        f"{folder}: process {holder or 'of another user'} is at work in this folder; wait for it, or stop it"
    )
