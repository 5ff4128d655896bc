"""Tables that say what the pictures are: CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.names import inside, printable
from diorama.media.limits import DEFAULT_LIMITS, Limits

_PATH_COLUMNS = ("path", "file_name", "filename", "file")
_CAPTION, _TEXT = "caption", "text"


@dataclass(frozen=True)
class Table:
    """Facts by path.

    Args:
        name: for messages.
        columns: of facts, without the path.
        rows: the facts of each path; empty cells are left out.
        captions: all of the paths that have several; one alone stands in its row.
    """

    name: str
    columns: Sequence[str]
    rows: Mapping[str, Mapping[str, str]]
    captions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)

    def facts(self, *paths: str) -> Mapping[str, str] | None:
        """The row of the first of these paths that has one."""
        for path in paths:
            if path in self.rows:
                self._met.add(path)
                return self.rows[path]
        return None

    def missing(self) -> Iterator[Skip]:
        """Rows that nothing has asked for."""
        for path in self.rows:
            if path not in self._met:
                yield Skip(path, f"named in {self.name}, but there is no such file")


def read_table(path: Path, limits: Limits = DEFAULT_LIMITS) -> Table:
    """The table in a file.

    Raises:
        BadInput: missing, or as :func:`parse_table`.
    """
    try:
        if path.stat().st_size > limits.table_bytes:
            raise BadInput(f"{path.name}: a table of more than {limits.table_bytes} bytes")
        return parse_table(path.read_bytes(), path.name)
    except OSError as problem:
        raise BadInput(f"{path}: the table cannot be read ({problem.strerror})") from problem


def parse_table(content: bytes, name: str, folder: str = "") -> Table:
    """CSV (comma, semicolon or tab), or JSON lines where the name ends in .jsonl.

    The column ``path`` (or ``file_name``, ``filename``, ``file``) is relative to the source; ``text`` serves as
    ``caption`` where there is none. Of several rows for one path the last counts, but all their captions are kept; in
    JSON a caption may be a list of several.

    Args:
        content: the file, UTF-8.
        name: for messages.
        folder: where in the source the table lies: its paths are relative to it.

    Raises:
        BadInput: no text, no such column, or a broken line, which is named.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(f"{name}: the table is not UTF-8 text ({problem.reason} at byte {problem.start})") from problem
    records: list[dict[str, Any]] = list(
        _json_lines(text, name) if name.lower().endswith(".jsonl") else _csv_rows(text, name)
    )
    columns = list(dict.fromkeys(column for record in records for column in record))
    place = next((column for column in _PATH_COLUMNS if column in columns), None)
    if place is None:
        raise BadInput(f"{name}: the table needs a column 'path'; it has {', '.join(map(repr, columns)) or 'no rows'}")
    rows: dict[str, Mapping[str, str]] = {}
    captions: dict[str, dict[str, None]] = {}  # in order, each once
    for record in records:
        path = inside(_cell(record.pop(place, "")))
        if path is None:
            continue
        path = printable(f"{folder}/{path}" if folder else path)
        own = captions.setdefault(path, {})
        own.update(dict.fromkeys(_captions(record)))
        cells = {column: _cell(value) for column, value in record.items()} | {_CAPTION: next(iter(own), "")}
        rows[path] = {column: cell for column, cell in cells.items() if cell != ""}
    facts = [column for column in columns if column != place]
    return Table(name, facts, rows, {path: tuple(own) for path, own in captions.items() if len(own) > 1})


def _captions(record: Mapping[str, Any]) -> list[str]:
    """The captions that one row holds."""
    found = record.get(_CAPTION, record.get(_TEXT, ""))
    cells = [_cell(one).strip() for one in (found if isinstance(found, list) else [found])]
    return [cell for cell in cells if cell]


def _csv_rows(text: str, name: str) -> Iterator[dict[str, str]]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield {k.strip(): v.strip() for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
    except csv.Error as problem:
        raise BadInput(f"{name}: broken table ({problem})") from problem


def _json_lines(text: str, name: str) -> Iterator[dict[str, Any]]:
    # Only a line feed ends a line: str.splitlines also cuts at separators that JSON leaves inside strings.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise BadInput(f"{name}: line {number} is not JSON ({problem})") from problem
        if not isinstance(record, dict):
            raise BadInput(f"{name}: line {number} is not an object")
        yield {key: value for key, value in record.items() if value is not None}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
