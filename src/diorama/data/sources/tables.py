"""Tables that say what the pictures are: CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput
from diorama.data.objects import Objects
from diorama.data.sources.base import Columns, Skip
from diorama.data.sources.label_values import contradictions, one_hot, one_label, without_fractions
from diorama.data.sources.matching import Matching, match, names_by_cells, plain
from diorama.data.sources.names import MEDIA, content_of, printable
from diorama.data.sources.parquet_file import rows_of_table
from diorama.data.sources.regions import OBJECTS, ListedObjects
from diorama.media.limits import DEFAULT_LIMITS, Limits

_PATH_COLUMNS = ("path", "file_name", "filename", "file", "image", "filepath", "file_path", "image_path", "img_path")
_PATH_ENDINGS = ("_file_name", "_filename")
_NAME_COLUMNS = ("image_name", "img_name", "img", "image_id", "id", "name", "url", "image_url", "uri")
"""Columns that name files where no other does."""
_LABEL, _CAPTION, _TEXT, _SPLIT = "label", "caption", "text", "split"
_LABEL_COLUMNS = ("class", "category", "class_name", "label_name", "labels", "target")
_CAPTION_COLUMNS = ("prompt", "description", "captions")
_SEPARATOR_LINE = "sep="
_DELIMITERS = ",;\t|"
_MARKS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class Table:
    """Facts by path.

    Args:
        name: for messages.
        columns: of facts, without the path.
        rows: the facts of each path; empty cells are left out.
        captions: all of the paths that have several; one alone stands in its row.
        notes: how it was read, for people.
        folder: where in the source it lies; its paths are relative to it, or to the source.
        matching: with the files of the source.
        objects: boxes and masks of the paths that have some.
        maps: names of pictures that are masks of others.
    """

    name: str
    columns: Sequence[str]
    rows: Mapping[str, Mapping[str, str]]
    captions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    folder: str = ""
    matching: Matching = field(default_factory=lambda: Matching({}))
    objects: Mapping[str, Objects] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()

    def bind(self, files: Sequence[tuple[str, str]], root: Path | None) -> None:
        """Find out which files the rows mean; see :func:`~diorama.data.sources.matching.match`."""
        if not self.matching.rows:
            self.matching = match(tuple(self.rows), files, self.folder, root)

    def facts(self, path: str) -> Mapping[str, str] | None:
        """The row of a file."""
        row = self.matching.rows.get(path)
        return None if row is None else self.rows[row]

    def captions_of(self, path: str) -> Sequence[str]:
        """All captions of a file that has several."""
        return self.captions.get(self.matching.rows.get(path, ""), ())

    def objects_of(self, path: str) -> Objects | None:
        """Boxes and masks of a file."""
        return self.objects.get(self.matching.rows.get(path, ""))

    def missing(self) -> Iterator[Skip]:
        """Rows that mean no file."""
        met = set(self.matching.rows.values())
        for row in self.rows:
            if row not in met:
                yield Skip(row, f"named in {self.name}, but there is no such file")

    def said(self) -> Iterator[str]:
        """How it was read and matched, for people."""
        yield from self.notes
        if self.matching.how:
            count = len(self.matching.rows)
            yield f"{count:,} of {len(self.rows):,} rows of {self.name} were matched {self.matching.how}"


def read_table(path: Path, limits: Limits = DEFAULT_LIMITS, wanted: Columns | None = None) -> Table:
    """The table in a file.

    Raises:
        BadInput: missing, or as :func:`parse_table`.
    """
    try:
        if path.stat().st_size > limits.table_bytes:
            raise BadInput(f"{path.name}: a table of more than {limits.table_bytes} bytes")
        return parse_table(path.read_bytes(), path.name, wanted=wanted)
    except OSError as problem:
        raise BadInput(f"{path}: the table cannot be read ({problem.strerror})") from problem


def parse_table(content: bytes, name: str, folder: str = "", wanted: Columns | None = None) -> Table:
    """CSV (comma, semicolon, tab or |; UTF-8 or UTF-16); JSON lines in .jsonl, a list in .json, Parquet in .parquet.

    The column ``path`` (or ``file_name``, ``filename``, ``file`` …), in small letters or capitals, names the file.
    Of several rows for one path the last counts, but all their captions are kept; in JSON a caption may be a list.

    Args:
        content: the file.
        name: for messages.
        folder: where in the source the table lies.
        wanted: which columns are labels and captions.

    Raises:
        BadInput: no text, no such column, or a broken line, which is named.
    """
    notes: list[str] = []
    records = list(_records(content, name, notes))
    columns = list(dict.fromkeys(column for record in records for column in record))
    place = _path_column(records, columns, name, notes)
    facts = [column for column in columns if column != place]
    before = len(notes)
    meaning = meaning_of(columns, wanted or Columns(), name, notes)
    others = [column for column in facts if column not in (_SPLIT, OBJECTS)]
    meaning = _with_plain_labels(records, meaning, others, name, notes)
    if meaning.label is None and not meaning.captioned and others and len(notes) == before:
        notes.append(
            f"no column of {name} was read as label or caption ({', '.join(others)}); --label COLUMN and "
            "--caption COLUMN name one"
        )
    rows: dict[str, Mapping[str, str]] = {}
    captions: dict[str, dict[str, None]] = {}  # in order, each once
    objects: dict[str, Objects] = {}
    listed = ListedObjects(name)
    labels: list[tuple[str, str]] = []
    for record in records:
        path = printable(plain(_cell(record.pop(place, ""))))
        if not path:
            continue
        shown = listed.of(record.get(OBJECTS))
        if shown is not None:
            objects[path] = shown
            del record[OBJECTS]
        own = captions.setdefault(path, {})
        own.update(dict.fromkeys(meaning.captions(record)))
        rows[path] = meaning.facts(record, list(own))
        labels.append((path, rows[path].get(_LABEL, "")))
    if differing := contradictions(labels):
        notes.append(f"{differing} files have several rows in {name} with different labels, of which the last counts")
    several = {path: tuple(own) for path, own in captions.items() if len(own) > 1}
    return Table(name, facts, rows, several, (*notes, *listed.notes()), folder, objects=objects)


def _with_plain_labels(
    records: Sequence[dict[str, Any]], meaning: Meaning, others: Sequence[str], name: str, notes: list[str]
) -> Meaning:
    """Labels that stand in one-hot columns or as floats, brought into one column of words in the records."""
    if meaning.label is None and not meaning.captioned:
        found: Sequence[str] | None = one_hot(records, others)
        if found is None:
            return meaning
        notes.append(f"labels were read from the one-hot columns of {name} ({', '.join(others)})")
        meaning = replace(meaning, label=_LABEL)
    else:
        cells = [record.get(meaning.label or "", "") for record in records]
        words = [cell for cell in cells if isinstance(cell, str)]
        found = without_fractions(words) if len(words) == len(cells) else None
        if found is None:
            return meaning
        notes.append(f"labels of {name} are whole numbers, stored as floats")
    for record, label in zip(records, found, strict=True):
        record[meaning.label or _LABEL] = label
    return meaning


@dataclass(frozen=True)
class Meaning:
    """Which columns of a table are labels and captions.

    Args:
        label: that of labels, if any.
        captioned: those of captions; in every row the first counts that has one.
    """

    label: str | None
    captioned: Sequence[str]

    def captions(self, record: Mapping[str, Any]) -> list[str]:
        """The captions of a row, by column; a list is several."""
        found = next((record[column] for column in self.captioned if record.get(column)), "")
        return _captions(found)

    def facts(self, record: Mapping[str, Any], captions: Sequence[str]) -> dict[str, str]:
        """A row's cells as text, label and first caption under these names; empty ones are left out."""
        cells = {column: _cell(value) for column, value in record.items()} | {_CAPTION: next(iter(captions), "")}
        if self.label is not None:
            cells[_LABEL] = _cell(one_label(record.get(self.label, "")))
        return {column: cell for column, cell in cells.items() if cell != ""}


def meaning_of(columns: Sequence[str], wanted: Columns, name: str, notes: list[str]) -> Meaning:
    """What the columns of a table mean, by their names.

    Args:
        columns: all of them.
        wanted: what the user says of them.
        name: of the table, for messages.
        notes: what was guessed is added to them.

    Raises:
        BadInput: a wanted column is not there.
    """
    label = _column(columns, wanted.label, (_LABEL,), _LABEL_COLUMNS, name, notes, _LABEL)
    caption = _column(columns, wanted.caption, (_CAPTION, _TEXT), _CAPTION_COLUMNS, name, notes, _CAPTION)
    # Lines of JSON may differ in what they have.
    more = None if wanted.caption or caption is None else _named_like(columns, (_TEXT,))
    return Meaning(label, [column for column in (caption, more) if column is not None])


def _path_column(records: Sequence[Mapping[str, Any]], columns: Sequence[str], name: str, notes: list[str]) -> str:
    """The column that names files: by its name, else the first that ends like one, as of pairs, else by its cells."""
    place = _named_like(columns, _PATH_COLUMNS)
    if place is not None:
        return place
    named = [column for column in columns if column.lower().endswith(_PATH_ENDINGS)]
    if not named and (other := _named_like(columns, _NAME_COLUMNS)) is not None:
        named = [other]
    # Of a table without columns the first record stands where their names do.
    headless = any(content_of(column) in MEDIA for column in columns)
    if not named and not headless and (other := names_by_cells(records, columns)) is not None:
        named = [other]
    if not named:
        has = ", ".join(map(repr, columns)) or "no rows"
        if headless:
            has += ", which are no names of columns; write them above the first line, such as path,label"
        raise BadInput(f"{name}: the table needs a column 'path' that names the files; it has {has}")
    others = f", {', '.join(map(repr, named[1:]))} as facts" if named[1:] else ""
    notes.append(f"the column {named[0]!r} of {name} was read as the files' names{others}")
    return named[0]


def _records(content: bytes, name: str, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of a table in any of its formats."""
    suffix = name.lower().rpartition(".")[2]
    if suffix == "parquet":
        return iter(rows_of_table(content, name))
    text = _decoded(content, name)
    if suffix == "json":
        return iter(_json_rows(text, name))
    return _json_lines(text, name) if suffix == "jsonl" else _csv_rows(text, name, notes)


def columns_of(head: bytes, name: str) -> list[str]:
    """The columns of a table by its first bytes; none where they do not tell."""
    try:
        text = _decoded(head, name).partition("\n")[0]
        rows = _json_lines(text, name) if name.lower().endswith(".jsonl") else _csv_rows(f"{text}\n{text}\n", name, [])
        return list(next(iter(rows), {}))
    except BadInput:
        return []


def _decoded(content: bytes, name: str) -> str:
    if content.startswith(_MARKS_OF_UTF16):
        encoding = "utf-16"
    elif b"\0" in content[:2]:
        # A table begins with a plain letter or a quote, which UTF-16 writes with a zero byte.
        encoding = "utf-16-be" if content[0] == 0 else "utf-16-le"
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as problem:
        raise BadInput(
            f"{name}: the table is not UTF-8 text ({problem.reason} at byte {problem.start}); save it as UTF-8"
        ) from problem


def _named_like(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The first column with one of these names, whatever its capitals."""
    by_name = {column.lower().replace(" ", "_").replace("-", "_"): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _column(
    columns: Sequence[str],
    wanted: str | None,
    names: Sequence[str],
    alike: Sequence[str],
    table: str,
    notes: list[str],
    what: str,
) -> str | None:
    """The column of labels or captions: the wanted one, else that of this name, else the only one called alike."""
    if wanted is not None:
        if wanted not in columns:
            raise BadInput(f"{table}: has no column {wanted!r} for --{what}; the columns are {', '.join(columns)}")
        return wanted
    if (own := _named_like(columns, names)) is not None:
        return own
    others = [column for column in columns if column.lower() in alike]
    if len(others) == 1:
        notes.append(f"the column {others[0]!r} of {table} was read as {what}")
        return others[0]
    if others:
        notes.append(f"{table} has no column {what!r}; {', '.join(others)} may be one: --{what} COLUMN names it")
    return None


def _captions(found: Any) -> list[str]:
    """The captions that one cell holds."""
    cells = [_cell(one).strip() for one in (found if isinstance(found, list) else [found])]
    return [cell for cell in cells if cell]


def _csv_rows(text: str, name: str, notes: list[str]) -> Iterator[dict[str, str]]:
    head, _, rest = text.partition("\n")
    delimiter = max(_DELIMITERS, key=head.count)
    if head.strip().strip('"').lower().startswith(_SEPARATOR_LINE):
        # Excel's own first line.
        delimiter, text = head.strip().strip('"')[len(_SEPARATOR_LINE) :][:1] or delimiter, rest
    spilt = 0
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        for row in reader:
            more = row.pop(None, None)
            if more:
                # Commas inside a last column that nobody quoted are part of it.
                last = (reader.fieldnames or [""])[-1]
                if last.strip().lower() not in (_CAPTION, _TEXT, *_CAPTION_COLUMNS):
                    cells = "1 cell" if len(more) == 1 else f"{len(more)} cells"
                    raise BadInput(
                        f"{name}: line {reader.line_num} has {cells} too many; quote the cells that hold {delimiter!r}"
                    )
                row[last] = delimiter.join([row[last] or "", *more])
                spilt += 1
            yield {k.strip(): v.strip() for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
    except csv.Error as problem:
        raise BadInput(f"{name}: broken table ({problem})") from problem
    if spilt:
        notes.append(
            f"{spilt:,} captions of {name} hold {delimiter!r} without quotes and were read to the end of the line"
        )


def _json_rows(text: str, name: str) -> list[dict[str, Any]]:
    """A list of objects, as a data frame writes its rows."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{name}: is not JSON ({problem}); JSON lines end in .jsonl") from problem
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise BadInput(f'{name}: a table in JSON is a list of objects, such as [{{"path": …, "label": …}}, …]')
    return [{key: value for key, value in row.items() if value is not None} for row in document]


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
