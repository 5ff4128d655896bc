"""What a command leaves around its ``--out``, and what it takes from the machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def everything(folder: Path, but: Sequence[Path] = ()) -> dict[Path, str]:
    """Every file, link and folder under a folder with a digest of what it holds, without what lies in ``but``."""
    found = {}
    for path in folder.rglob("*"):
        if any(path == left or left in path.parents for left in but):
            continue
        if path.is_symlink():
            found[path] = f"link to {path.readlink()}"
        elif path.is_file():
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[path] = "folder"
    return found


@contextmanager
def untouched(folder: Path, *but: Path) -> Iterator[None]:
    """The block may change nothing under a folder, except in ``but``."""
    before = everything(folder, but)
    yield
    after = everything(folder, but)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    assert not changed, changed


@dataclass(frozen=True)
class Done:
    """How a process of its own ended: what it told, and what it took."""

    code: int
    told: str
    seconds: float
    peak_bytes: int


def watched(*words: object) -> Done:
    """Run ``diorama WORDS`` in a process of its own."""
    with tempfile.TemporaryFile() as told:
        began = time.monotonic()
        command = [sys.executable, "-m", "diorama", *map(str, words)]
        process = subprocess.Popen(command, stdout=told, stderr=told, env=os.environ | {"OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        seconds = time.monotonic() - began
        return Done(process.returncode, told.read().decode(), seconds, usage.ru_maxrss * 1024)
