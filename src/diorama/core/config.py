"""Typed values and their JSON: a field's annotation is the only registry.

Values are frozen dataclasses. Unions are closed and tagged by class name (``{"kind": "AdamConfig", …}``); a
user's own classes join them through ``catalog``. Unknown keys, wrong types and missing fields are errors that
name the field's path.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean

LATER = "later"
"""In the metadata of a field that a published config gained later: at its default it is not written, so that files and
hashes of before stay what they are."""

WORDS = "words"
"""In the metadata of a field that may hold one of a few parts or ``None``: the parts, by the words that the command
line has for them."""

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None


def encode(value: Any) -> Any:
    """A typed value as JSON: dataclasses become objects with their class name under ``kind``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value) if _is_said(f, value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, Mapping):
        return {key: encode(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(inner) for inner in value]
    if isinstance(value, float) and math.isinf(value):
        return str(value)  # JSON has no infinity
    return str(value) if isinstance(value, Path) else value


def _is_said(field: dataclasses.Field[Any], value: Any) -> bool:
    """Whether a field is written: one that came later only where it is not at its default."""
    return LATER not in field.metadata or bool(getattr(value, field.name) != field.default)


def later_fields(value: Any) -> frozenset[tuple[str, str]]:
    """Class and name of every field within a typed value that came later and is not at its default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        own = {(type(value).__name__, f.name) for f in fields if LATER in f.metadata and _is_said(f, value)}
        return frozenset(own).union(*(later_fields(getattr(value, f.name)) for f in fields))
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return frozenset[tuple[str, str]]().union(*map(later_fields, inner))


def decode(annotation: Any, value: Any, where: str = "config", catalog: Sequence[object] = ()) -> Any:
    """The typed value that ``value``, read from JSON, stands for.

    Args:
        annotation: a dataclass, a union of dataclasses, an abstract class that catalogued classes extend, or a
            plain annotation (``int``, ``tuple[int, ...]``, ``Literal[...]``, ``Mapping[str, X]`` …).
        value: what ``json.loads`` returned.
        where: path of the value, for messages; one that ends in ``": "`` names a file, behind which paths begin.
        catalog: further dataclasses that a ``kind`` may name (a user's own); what else it holds is passed over.

    Raises:
        BadConfig: a wrong type, an unknown key or kind, a missing field; the message starts with its path.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return value
    if origin in (Union, types.UnionType):
        return _decode_union(args, value, where, catalog)
    if _has_own_kind(annotation):
        return _decode_fields(annotation, value, where, catalog)
    if isinstance(annotation, type) and isinstance(value, Mapping) and "kind" in value:
        return _decode_kind((annotation,), value, where, catalog)
    if dataclasses.is_dataclass(annotation):
        return _decode_fields(annotation, value, where, catalog)
    if origin is Literal:
        if value not in args:
            raise BadConfig(f"{where}: {value!r} is not one of {list(args)}{did_you_mean(value, args)}")
        return value
    if origin is tuple:
        items = _items(value, where)
        inner = [args[0]] * len(items) if args[-1] is ... else list(args)
        if len(inner) != len(items):
            raise BadConfig(f"{where}: expected {len(inner)} values, got {len(items)}")
        pairs = zip(inner, items, strict=True)
        return tuple(decode(a, v, f"{where}[{i}]", catalog) for i, (a, v) in enumerate(pairs))
    if origin in (list, Sequence):
        return [decode(args[0], v, f"{where}[{i}]", catalog) for i, v in enumerate(_items(value, where))]
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise BadConfig(f"{where}: expected an object, got {value!r}")
        return {k: decode(args[1], v, _within(where, k), catalog) for k, v in value.items()}
    return _decode_plain(annotation, value, where)


def _decode_union(args: Sequence[Any], value: Any, where: str, catalog: Sequence[object]) -> Any:
    if value is None and type(None) in args:
        return None
    options = [a for a in args if a is not type(None)]
    tagged = isinstance(value, Mapping) and "kind" in value and not any(_has_own_kind(a) for a in options)
    if tagged:
        return _decode_kind([a for a in options if isinstance(a, type)], value, where, catalog)
    problems = []
    for option in options:
        try:
            return decode(option, value, where, catalog)
        except BadConfig as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    names = [getattr(a, "__name__", str(a)) for a in options]
    raise BadConfig(f"{where}: {value!r} is none of {names}")


def _decode_kind(options: Sequence[type], value: Mapping[str, Any], where: str, catalog: Sequence[object]) -> Any:
    kind = value["kind"]
    known = [o for o in (*options, *catalog) if isinstance(o, type) and dataclasses.is_dataclass(o)]
    for option in known:
        if option.__name__ == kind:
            return _decode_fields(option, value, where, catalog)
    names = [option.__name__ for option in known]
    # Class names are long and alike (all end in Config): a distant one misleads whoever wrote a class of their own.
    raise BadConfig(
        f"{where}: {kind!r} is unknown here{did_you_mean(kind, names, cutoff=0.85)}. If the class is your own, name "
        f"its file with --with FILE.py (from Python: catalog=…). Known are {', '.join(names)}"
    )


def _decode_fields(cls: Any, value: Any, where: str, catalog: Sequence[object]) -> Any:
    if not isinstance(value, Mapping):
        raise BadConfig(
            f"{_at(where)}: expected a table of {', '.join(f.name for f in dataclasses.fields(cls))}, got {value!r}"
        )
    fields = {f.name: f for f in dataclasses.fields(cls)}
    given = {k: v for k, v in value.items() if k != "kind" or _has_own_kind(cls)}
    for name in given:
        if name not in fields:
            raise BadConfig(f"{_within(where, name)}: there is no such field{did_you_mean(name, fields)}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in given:
            raise BadConfig(f"{_within(where, name)}: this field is missing")
    hints = get_type_hints(cls)
    decoded = {k: decode(hints[k], v, _within(where, k), catalog) for k, v in given.items()}
    try:
        return cls(**decoded)
    except ValueError as problem:
        raise BadConfig(f"{_at(where)}: {problem}") from problem


def _within(where: str, name: str) -> str:
    """The path of a field within what stands at a path."""
    return f"{where}{name}" if where.endswith(": ") else f"{where}.{name}"


def _at(where: str) -> str:
    """The path of a whole value, to be put before a colon."""
    return where.removesuffix(": ")


def _has_own_kind(annotation: Any) -> bool:
    """Whether a dataclass has a field ``kind`` of its own, which then stands in the place of the tag."""
    return dataclasses.is_dataclass(annotation) and any(f.name == "kind" for f in dataclasses.fields(annotation))


def _decode_plain(annotation: Any, value: Any, where: str) -> Any:
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        # As it is written: encoded again, and hashed, it must give the same bytes.
        return value
    if annotation is float and value in ("inf", "-inf"):
        return float(value)
    if annotation is Path and isinstance(value, str):
        return Path(value)
    wrong_bool = isinstance(value, bool) and annotation is not bool
    if not isinstance(annotation, type) or not isinstance(value, annotation) or wrong_bool:
        raise BadConfig(f"{where}: expected {_plain_word(annotation)}, got {value!r}")
    return value


def _plain_word(annotation: Any) -> str:
    """What a plain value is, for those who write files and not Python."""
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _items(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise BadConfig(f"{where}: expected a list, got {value!r}")
    return value
