"""Parquet through its reader, within bounds on what a hostile file may cost; and tables of facts in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput
from diorama.data.sources.names import printable
from diorama.media.limits import DEFAULT_LIMITS

_HEADER_STRINGS, _HEADER_ELEMENTS = 64 << 20, 1 << 20
_BUFFER = 1 << 20
_ROWS_AT_ONCE = 64
_CELL = 32
"""Bytes that the smallest cell takes in memory."""
_VALUES_A_BYTE = 64
"""Values of a column for every byte of a table: runs of equal ones are stored as one, and more are no table."""


def open_parquet(content: Path | bytes, name: str, dictionaries: Sequence[str] = ()) -> Any:
    """The file, within bounds on what its header may claim."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as problem:
        raise BadInput(f"{name}: a Parquet file, which needs its reader: pip install 'diorama[parquet]'") from problem
    with guarded(f"{name}: is broken or truncated"):
        return parquet.ParquetFile(
            str(content) if isinstance(content, Path) else pyarrow.BufferReader(content),
            read_dictionary=list(dictionaries),
            buffer_size=_BUFFER,
            pre_buffer=False,
            thrift_string_size_limit=_HEADER_STRINGS,
            thrift_container_size_limit=_HEADER_ELEMENTS,
        )


@contextmanager
def guarded(words: str) -> Iterator[None]:
    """A block in which whatever a reader of hostile bytes raises becomes one line for people."""
    try:
        yield
    except Exception as problem:
        reason = printable(str(problem).strip().partition("\n")[0]) or type(problem).__name__
        raise BadInput(f"{words} ({reason})") from problem


def rows_of_table(content: bytes, name: str) -> list[dict[str, Any]]:
    """The rows of a Parquet file that is a table of facts, with its columns that hold no bytes.

    Raises:
        BadInput: broken, of more cells than memory should hold, or there is no reader of Parquet.
    """
    with open_parquet(content, name) as file:
        columns = [field.name for field in file.schema_arrow if not is_bytes(field.type)]
        names, dictionaries = class_names(file.schema_arrow), byte_columns(file)
        groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
        values = max((g.column(i).num_values for g in groups for i in range(g.num_columns)), default=0)
        if max(values, file.metadata.num_rows) > _VALUES_A_BYTE * len(content):
            raise BadInput(f"{name}: claims {file.metadata.num_rows} rows in {len(content)} bytes; it is damaged")
    rows, held = [], 0
    with open_parquet(content, name, dictionaries) as file:
        for row in _rows_one_by_one(file, columns, name):
            held += sum(map(_bytes_of, row.values()))
            if held > DEFAULT_LIMITS.annotation_bytes:
                raise BadInput(f"{name}: its cells take more than {DEFAULT_LIMITS.annotation_bytes:,} bytes of memory")
            rows.append(
                {c: class_named(v, names[c]) if c in names else plain_value(v) for c, v in row.items() if v is not None}
            )
    return rows


def _rows_one_by_one(file: Any, columns: Sequence[str], name: str) -> Iterator[dict[str, Any]]:
    batches = file.iter_batches(_ROWS_AT_ONCE, columns=list(columns), use_threads=False)
    while True:
        with guarded(f"{name}: is broken or truncated"):
            batch = next(batches, None)
        if batch is None:
            return
        for row in range(batch.num_rows):
            with guarded(f"{name}: is broken or truncated"):
                record = {column: batch.column(column)[row].as_py() for column in columns}
            yield record


def _bytes_of(value: Any) -> int:
    """About what a cell takes in memory."""
    if isinstance(value, dict):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, list):
        return sum(map(_bytes_of, value))
    return _CELL + (len(value) if isinstance(value, str) else 0)


def byte_columns(file: Any) -> list[str]:
    """Columns of bytes and words, read by their dictionaries: a few bytes repeat a long value any number of times."""
    columns = (file.metadata.schema.column(i) for i in range(file.metadata.num_columns))
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def features_of(schema: Any) -> Mapping[str, Any]:
    """The columns as the hub describes them; empty where it does not."""
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def class_names(schema: Any) -> dict[str, list[str]]:
    """By column, the names that its numbers stand for."""
    found = {}
    for name, feature in features_of(schema).items():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else None
        names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
        if isinstance(names, list):
            found[name] = [printable(str(one)) for one in names]
    return found


def category_names(schema: Any, column: str) -> list[str]:
    """The names that numbers of categories stand for, inside a column of objects."""
    waiting = [features_of(schema).get(column)]
    while waiting:
        feature = waiting.pop()
        if isinstance(feature, dict) and isinstance(feature.get("names"), list):
            return [printable(str(one)) for one in feature["names"]]
        inner = feature.values() if isinstance(feature, dict) else feature if isinstance(feature, list) else ()
        waiting += [one for one in inner if isinstance(one, (dict, list))]
    return []


def class_named(value: Any, names: Sequence[str]) -> Any:
    """The name that a number stands for; nothing for -1, which says that there is none."""
    if isinstance(value, list):
        return [class_named(one, names) for one in value]
    if not isinstance(value, int):
        return plain_value(value)
    if value < 0:
        return ""
    return names[value] if value < len(names) else str(value)


def plain_value(value: Any) -> Any:
    """A value as JSON has them: times and the like as words."""
    if isinstance(value, list):
        return [plain_value(one) for one in value]
    if isinstance(value, dict):
        return {key: plain_value(one) for key, one in value.items()}
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def is_plain(kind: Any) -> bool:
    """Whether a column's values are words or numbers, or lists of them."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    if types.is_dictionary(kind):
        kind = kind.value_type
    return any(test(kind) for test in (*tests, types.is_date, types.is_timestamp, types.is_decimal))


def is_bytes(kind: Any) -> bool:
    """Whether a column's values are bytes."""
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def holds_bytes(kind: Any) -> bool:
    """Whether a column's values are bytes, or structures with a member ``bytes`` that is."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(kind.field(i).name == "bytes" and is_bytes(kind.field(i).type) for i in range(kind.num_fields))
    return is_bytes(kind)
