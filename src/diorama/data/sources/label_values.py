"""Labels as tables write them: whole numbers stored as floats, one-hot columns, lists, several words in a cell."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diorama.core.numbers import counted

_WHOLE, _DECIMAL = re.compile(r"-?\d+\.0*"), re.compile(r"-?\d*\.\d+(?:[eE][-+]?\d+)?")
_BETWEEN = "|;,"
_MANY = 0.5
_MISSING = ("nan", "none", "null")


def one_label(value: Any) -> Any:
    """A label as one table or the next would write it.

    A list of one is that one, a whole number as a float is the number, not-a-number is no label.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float):
        return int(value) if value.is_integer() else "" if math.isnan(value) else value
    return value


def without_fractions(labels: Sequence[str]) -> Sequence[str] | None:
    """``0.0`` and ``1.0`` as ``0`` and ``1``; ``None`` where a label is anything else, or there is none.

    Data frames write whole numbers so as soon as one of them is missing.
    """
    told = {label for label in labels if label and label.lower() not in _MISSING}
    if not told or not all(_WHOLE.fullmatch(label) for label in told):
        return None
    return [label.partition(".")[0] if label in told else "" for label in labels]


def one_hot(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str] | None:
    """For each row the one column of these that holds a 1, where all others hold 0 in every row."""
    if len(columns) < 2 or not records:
        return None
    found = []
    for record in records:
        cells = [_bit(record.get(column)) for column in columns]
        if None in cells or sum(cell or 0 for cell in cells) != 1:
            return None
        found.append(columns[cells.index(1)])
    return found


def _bit(cell: Any) -> int | None:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return int(number) if number in (0.0, 1.0) else None


def label_notes(counts: Mapping[str, int]) -> Iterator[str]:
    """What to say of labels that are probably no classes: several in one, and measures.

    Args:
        counts: records of every label.
    """
    lists = [name for name in counts if _is_list(name)]
    joined = [name for name in counts if name not in lists and _parts_are_labels(name, counts)]
    for names in (lists, joined):
        if names:
            records = sum(counts[name] for name in names)
            yield (
                f"{counted(records, 'record')} have several labels in one, such as {names[0]!r}: each combination "
                "became a class of its own; --label COLUMN names another column"
            )
    decimals = [name for name in counts if _DECIMAL.fullmatch(name)]
    if len(decimals) > _MANY * len(counts):
        yield (
            f"labels are numbers with decimals, such as {decimals[0]}: each of {len(counts):,} values became a class "
            "of its own; --label COLUMN names another column"
        )


def _is_list(name: str) -> bool:
    if not (name.startswith("[") and name.endswith("]")):
        return False
    try:
        return isinstance(json.loads(name), list)
    except ValueError:
        return False


def _parts_are_labels(name: str, counts: Mapping[str, int]) -> bool:
    for mark in _BETWEEN:
        parts = [part.strip() for part in name.split(mark)]
        if len(parts) > 1 and all(part in counts for part in parts):
            return True
    return False


def contradictions(rows: Sequence[tuple[str, str]]) -> int:
    """Of how many files several rows name different labels.

    Args:
        rows: path and label of each row.
    """
    labels: dict[str, set[str]] = {}
    for path, label in rows:
        labels.setdefault(path, set()).add(label)
    return sum(len(own) > 1 for own in labels.values())
