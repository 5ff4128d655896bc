"""A CSV as columns of text."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.suggestions import did_you_mean
from diorama.data.answers import read_text
from diorama.metrics.judgement.paired import Floats

_SHOWN = 5


@dataclass(frozen=True)
class Frame:
    """The columns of a table.

    Args:
        path: of the file.
        columns: by name, as many values each.
        lines: the file's line of every row.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def __getitem__(self, name: str) -> list[str]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.lines)

    def has(self, *names: str) -> bool:
        """Whether all these columns are there."""
        return set(names) <= set(self.columns)

    def numbers(self, name: str, *, empty: float | None = None) -> Floats:
        """A column of numbers.

        Args:
            name: of the column.
            empty: what an empty field counts as; ``None`` where it is a mistake.

        Raises:
            BadInput: a field is no finite number; the message names lines.
        """
        wrong, values = [], np.zeros(len(self))
        for i, text in enumerate(self.columns[name]):
            if not text and empty is not None:
                values[i] = empty
                continue
            try:
                values[i] = float(text)
            except ValueError:
                values[i] = np.inf
            if not np.isfinite(values[i]):
                wrong.append(f"line {self.lines[i]}: {text!r}")
        if wrong:
            raise BadInput(
                f"{self.path}: {name} holds {counted(len(wrong), 'value')} that are no numbers: {few(wrong)}"
            )
        return values

    def counts(self, name: str) -> Floats:
        """A column of whole numbers from 0 on; an empty field is 0.

        Raises:
            BadInput: one is none; the message names lines.
        """
        values = self.numbers(name, empty=0.0)
        bad = np.flatnonzero((values < 0) | (values != np.round(values)))
        if len(bad):
            wrong = [f"line {self.lines[i]}: {self.columns[name][i]!r}" for i in bad]
            raise BadInput(f"{self.path}: {name} holds {counted(len(wrong), 'value')} that are no counts: {few(wrong)}")
        return values

    def among(self, name: str, known: Sequence[str]) -> list[str]:
        """A column whose values are among some words.

        Raises:
            BadInput: one is not; the message names lines.
        """
        wrong = [
            f"line {line}: {text!r}{did_you_mean(text, known)}"
            for line, text in zip(self.lines, self.columns[name], strict=True)
            if text not in known
        ]
        if wrong:
            allowed = ", ".join(word or "empty" for word in known)
            raise BadInput(
                f"{self.path}: {name} holds {counted(len(wrong), 'value')} that are none of {allowed}: {few(wrong)}"
            )
        return self.columns[name]


def few(texts: Sequence[str]) -> str:
    """The first of several, and how many more there are."""
    more = f"; and {len(texts) - _SHOWN:,} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more


def read_frame(path: Path) -> Frame:
    """The columns of a CSV with their names in the first line.

    Raises:
        BadInput: it cannot be read, is empty, or has lines of other lengths.
    """
    reader = csv.reader(StringIO(read_text(path), newline=""))
    rows, lines = [], []
    try:
        header = next(reader, [])
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as problem:
        raise BadInput(f"{path}: line {reader.line_num}: is no CSV ({problem})") from problem
    if not header or not rows:
        raise BadInput(f"{path}: holds no rows below a line of column names")
    if len(set(header)) < len(header):
        raise BadInput(f"{path}: two columns have the same name")
    wrong = [f"line {line} has {len(row)}" for row, line in zip(rows, lines, strict=True) if len(row) != len(header)]
    if wrong:
        raise BadInput(
            f"{path}: {counted(len(wrong), 'line')} have not the {len(header)} fields of the first: {few(wrong)}"
        )
    return Frame(path, {name: [row[i] for row in rows] for i, name in enumerate(header)}, lines)


def companion(path: Path, what: str) -> Frame | None:
    """The table beside a file that says more of its items or raters: ``NAME_items.csv``, where the file's own name is
    NAME or begins with ``NAME_``."""
    words = path.stem.split("_")
    for count in range(len(words), 0, -1):
        beside = path.with_name(f"{'_'.join(words[:count])}_{what}.csv")
        if beside.is_file() and beside != path:
            return read_frame(beside)
    return None
