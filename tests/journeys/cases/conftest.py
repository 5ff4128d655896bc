"""``diorama prepare`` as a function that gives what lies in the folder it wrote, by the paths of the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from diorama.data.dataset import Dataset, Record, open_dataset
from tests.journeys.conftest import Run


@dataclass(frozen=True)
class Prepared:
    """A folder that ``prepare`` wrote, and what it said."""

    dataset: Dataset
    told: str

    @property
    def notes(self) -> list[str]:
        """What the command noted, line by line."""
        return [line.removeprefix("note: ") for line in self.told.splitlines() if line.startswith("note: ")]

    @property
    def counts(self) -> dict[str, int]:
        """Records of every split."""
        return {name: len(self.dataset.split(name)) for name in self.dataset.splits}

    @property
    def classes(self) -> dict[str, int]:
        """Records of every class."""
        labels = [record.label for record in self.records.values()]
        return {name: labels.count(name) for name in self.dataset.info.classes}

    @property
    def records(self) -> dict[str, Record]:
        """Every record by its path in the source."""
        records = (record for name in self.dataset.splits for record in self.dataset.split(name)[:])
        return {str(record.facts["path"]): record for record in records}

    @property
    def pixels(self) -> dict[str, NDArray[Any]]:
        """The stored values of every record, (h, w, c) or (t, h, w, c)."""
        return {path: record.pixels for path, record in self.records.items()}

    def said(self, *words: str) -> bool:
        """Whether one note holds all these words."""
        return any(all(word in note for word in words) for note in self.notes)


Prepare = Callable[..., Prepared]


@pytest.fixture
def prepare(diorama: Run, tmp_path: Path) -> Prepare:
    """``prepare(SOURCE, OPTION, …)`` at 32 x 32 pixels unless ``--size`` is among the options."""
    made = 0

    def call(source: Path, *options: object) -> Prepared:
        nonlocal made
        made += 1
        out = tmp_path / f"prepared {made}"
        size = () if "--size" in options else ("--size", 32)
        told = diorama("prepare", source, "--out", out, *size, *options)
        return Prepared(open_dataset(out), told)

    return call
