"""The log of a run: one JSON object a line, which survives being killed in the middle of one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diorama.core import files


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a log, oldest first; lines that are none, such as a last one that was cut off, are left out."""
    return list(_records(path)) if path.exists() else []


def without_clock(record: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs of the same recipe, seed and machine agree on."""
    return {key: value for key, value in record.items() if key != "clock"}


class RunLog:
    """Appends records to a JSONL file.

    A line is handed to the system when it is written, so that a killed process loses none; :meth:`sync` makes the
    lines so far outlive a power cut, and is called before a resume state that relies on them is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record; numbers must be finite, since JSON knows no others."""
        line = json.dumps(record, allow_nan=False, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def sync(self) -> None:
        """Make what was appended durable."""
        with self.path.open("a", encoding="utf-8") as file:
            os.fsync(file.fileno())

    def cut(self, step: int, *, without: str | None = None) -> None:
        """Drop what was logged after a step: a resumed run writes it again.

        Args:
            step: the last whose records stay.
            without: a kind of records that is dropped of this step too.
        """
        kept = [r for r in _records(self.path) if r["step"] < step or (r["step"] == step and r.get("kind") != without)]
        lines = [json.dumps(r, allow_nan=False, ensure_ascii=False) + "\n" for r in kept]
        files.write_text(self.path, "".join(lines))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            # The line that was being written when the process died, or one that was damaged since.
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            yield record
