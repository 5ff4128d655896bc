"""Parquet files as data hubs publish them: a column of pictures or clips, and facts in the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput
from diorama.data.sources.base import Columns, Item, Kind, Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.layout import split_named
from diorama.data.sources.names import parent, printable, stem
from diorama.data.sources.parquet_file import (
    byte_columns,
    category_names,
    class_named,
    class_names,
    features_of,
    guarded,
    holds_bytes,
    is_plain,
    open_parquet,
    plain_value,
)
from diorama.data.sources.regions import OBJECTS, ListedObjects
from diorama.data.sources.tables import Meaning, Table, meaning_of, parse_table
from diorama.media.limits import DEFAULT_LIMITS, Limits

_SHARD = re.compile(r"-\d+-of-\d+(-[0-9a-f]+)?$")
_PICTURE_NAMES = ("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "video", "mp4", "clip")
_KINDS: dict[str, Kind] = {"Image": "image", "Video": "video"}
_BATCH_BYTES, _BATCH_ROWS = 32 << 20, 64


@dataclass(frozen=True)
class _Plan:
    """What is read of a file's columns.

    Args:
        pictures: the column that holds them.
        kind: what they are.
        facts: the columns of facts.
        names: by column, the names that its numbers stand for.
        categories: the names that numbers of objects' categories stand for.
        left_out: columns that are not read.
    """

    pictures: str
    kind: Kind
    facts: tuple[str, ...]
    names: Mapping[str, Sequence[str]]
    categories: Sequence[str]
    left_out: tuple[str, ...]

    def note(self) -> str:
        """For people."""
        what = "clips" if self.kind == "video" else "pictures"
        more = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"{what} were read from the column {self.pictures!r} of Parquet{more}"


class ParquetRows:
    """The rows of a Parquet file as records, read a few at a time.

    Args:
        content: the file's place, or its bytes.
        path: what it is called in its source; rows are numbered under it.
        columns: which of its columns are labels and captions.
        limits: what one picture may cost.

    Raises:
        BadInput: broken, without a column of pictures, or there is no reader of Parquet.
    """

    def __init__(self, content: Path | bytes, path: str, columns: Columns, limits: Limits = DEFAULT_LIMITS) -> None:
        self._path, self._content, self._most = path, content, limits.entry_bytes
        with open_parquet(content, path) as file:
            self._plan = _plan(file.schema_arrow, path)
            self._dictionaries = byte_columns(file)
            # A header may claim any number of rows without a byte for them.
            size = content.stat().st_size if isinstance(content, Path) else len(content)
            if file.metadata.num_rows > size:
                raise BadInput(f"{path}: claims {file.metadata.num_rows} rows in {size} bytes; it is damaged")
        guessed: list[str] = []
        self._meaning: Meaning = meaning_of(self._plan.facts, columns, path, guessed)
        self._guessed = guessed
        self._listed = ListedObjects(path, self._plan.categories)

    def items(self, facts: Mapping[str, str]) -> Iterator[Item | Skip]:
        """The records, and what is broken.

        Args:
            facts: of the file; what its rows say counts more.
        """
        facts = {**_split_of(self._path), **facts}
        first = 0
        with open_parquet(self._content, self._path, self._dictionaries) as file:
            for number in range(file.metadata.num_row_groups):
                group = file.metadata.row_group(number)
                try:
                    yield from self._group(file, number, first, facts)
                except BadInput as problem:
                    yield Skip(
                        f"{self._path}/{first:06d}", f"of the {group.num_rows} rows from here, some are {problem}"
                    )
                first += group.num_rows

    def notes(self) -> Iterator[str]:
        """How it was read, complete once its rows have passed."""
        yield from (self._plan.note(), *self._guessed, *self._listed.notes())

    def _group(self, file: Any, number: int, first: int, facts: Mapping[str, str]) -> Iterator[Item | Skip]:
        """The records of one group of rows."""
        group = file.metadata.row_group(number)
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1)))
        chunks = (group.column(i) for i in range(group.num_columns))
        held = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] == self._plan.pictures)
        if held > self._most * group.num_rows:
            raise BadInput(f"of {held // max(group.num_rows, 1):,} bytes, more than {self._most:,}")
        wanted = [self._plan.pictures, *self._plan.facts]
        batches = file.iter_batches(rows, row_groups=[number], columns=wanted, use_threads=False)
        while True:
            with guarded("broken or truncated"):
                batch = next(batches, None)
            if batch is None:
                return
            for row in range(batch.num_rows):
                yield self._row(batch, row, first + row, facts)
            first += batch.num_rows

    def _row(self, batch: Any, row: int, number: int, facts: Mapping[str, str]) -> Item | Skip:
        path = f"{self._path}/{number:06d}"
        try:
            with guarded("cannot be read"):
                picture = batch.column(self._plan.pictures)[row].as_py()
                record = {fact: batch.column(fact)[row].as_py() for fact in self._plan.facts}
        except BadInput as problem:
            return Skip(path, str(problem))
        content, name = (picture.get("bytes"), picture.get("path")) if isinstance(picture, dict) else (picture, None)
        if content and len(content) > self._most:
            return Skip(path, f"{len(content)} bytes are more than {self._most}")
        if not content:
            return Skip(path, f"its row names the file {name!r} and does not hold it" if name else "its row is empty")
        names = self._plan.names
        told = {
            column: class_named(value, names[column]) if column in names else plain_value(value)
            for column, value in record.items()
            if value is not None
        }
        shown = self._listed.of(told.get(OBJECTS))
        if shown is not None:
            del told[OBJECTS]
        captions = self._meaning.captions(told)
        own = {**facts, **({"file_name": printable(name)} if name else {}), **self._meaning.facts(told, captions)}
        several = tuple(captions) if len(captions) > 1 else ()
        return Item(path, own, self._plan.kind, lambda: content, several, objects=shown)


def table_of_paths(entry: Entry, columns: Columns, limits: Limits) -> Table | None:
    """The table in a Parquet file that holds no pictures but names their files; ``None`` where it is none.

    Args:
        entry: the file.
        columns: which of its columns are labels and captions.
        limits: what it may cost.
    """
    try:
        with open_parquet(entry.file or entry.content(limits, limits.table_bytes), entry.path) as file:
            if any(holds_bytes(field.type) for field in file.schema_arrow):
                return None
        table = parse_table(entry.content(limits, limits.table_bytes), entry.path, parent(entry.path), columns)
    except BadInput:
        return None  # the reading that follows meets it again and says so
    split = _split_of(entry.path)
    return replace(table, rows={path: {**split, **row} for path, row in table.rows.items()})


def _plan(schema: Any, path: str) -> _Plan:
    """Which columns are what, by the hub's features where it names them, else by type and name."""
    features = features_of(schema)
    kinds = {field.name: kind for field in schema if (kind := _kind(field, features.get(field.name))) is not None}
    if not kinds:
        raise BadInput(
            f"{path}: no column holds pictures (they are {', '.join(schema.names)}); where it is a table of facts, "
            "--table names it"
        )
    pictures = min(kinds, key=lambda name: (_rank(name), schema.get_field_index(name)))
    facts = [field.name for field in schema if field.name not in kinds and is_plain(field.type)]
    if OBJECTS in schema.names and OBJECTS not in (*kinds, *facts):
        facts.append(OBJECTS)
    left_out = [field.name for field in schema if field.name not in (pictures, *facts)]
    names = {name: values for name, values in class_names(schema).items() if name in facts}
    return _Plan(pictures, kinds[pictures], tuple(facts), names, category_names(schema, OBJECTS), tuple(left_out))


def _kind(field: Any, feature: Any) -> Kind | None:
    """What a column holds, ``None`` where it is no pictures."""
    named = _KINDS.get(str(feature.get("_type"))) if isinstance(feature, dict) else None
    if not holds_bytes(field.type):
        return None
    return named or ("video" if field.name.lower() in ("video", "mp4", "clip") else "image")


def _rank(name: str) -> int:
    return _PICTURE_NAMES.index(name.lower()) if name.lower() in _PICTURE_NAMES else len(_PICTURE_NAMES)


def _split_of(path: str) -> dict[str, str]:
    """The split that a file's name says: ``train-00000-of-00002``, ``mnist-test``."""
    name = _SHARD.sub("", stem(path))
    words = [name, *re.split(r"[-_.]", name)]
    found = {split for word in words if (split := split_named(word)) is not None}
    return {"split": found.pop()} if len(found) == 1 else {}
