"""A folder of samples on disk: numbered files at its top level, and a list of what they are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.sidecars import SAMPLES as LIST

_NUMBERED = re.compile(r"\d{6,}(\.\w+)?")


def made_ready(folder: Path, told_by: str = LIST) -> bool:
    """See that samples can be written into a folder, and make it where it is not there.

    Args:
        folder: new, empty, or of an earlier call.
        told_by: the file by which the folder of an earlier call is known.

    Returns:
        Whether it was made.

    Raises:
        BadInput: it holds other files, or cannot be written.
    """
    with writing(folder):
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        names = [entry.name for entry in folder.iterdir()]
    if names and told_by not in names:
        raise BadInput(f"{folder}: is not empty and holds no {told_by}; choose another folder")
    return made


def emptied(folder: Path) -> None:
    """Remove the samples of an earlier call.

    Raises:
        BadInput: they cannot be removed.
    """
    with writing(folder):
        for entry in list(folder.iterdir()):
            if _NUMBERED.fullmatch(entry.name):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the system says against writing becomes a message that names the folder."""
    try:
        yield
    except OSError as problem:
        raise BadInput(f"{folder}: cannot be written ({problem.strerror})") from problem
