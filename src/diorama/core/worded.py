"""Small frozen dataclasses in the words that people type: ``name:setting=value,setting=value``."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean

T = TypeVar("T")
_ROLES = ("Config", "Preconditioning", "Process", "Spacing", "Synthesizer", "Threshold")
"""What names of classes end with, where the field that holds one says it already."""


def value_named(words: str, kinds: Mapping[str, type[T]], option: str) -> T:
    """The value that words name: its kind, and after a colon the settings that are not at their defaults.

    Args:
        words: ``apg``, ``cfg:low=0.3,high=5``, ``pag:layers=2+3``.
        kinds: by name; their settings are numbers, literal words or tuples of whole numbers.
        option: what messages call it.

    Raises:
        BadConfig: there is no such kind or setting, or a value does not fit.
    """
    name, _, settings = words.partition(":")
    if name not in kinds:
        raise BadConfig(f"{option}: there is no {name!r}{did_you_mean(name, kinds)}; known are {', '.join(kinds)}")
    kind: Any = kinds[name]
    given = {}
    hints = {field.name: get_type_hints(kind)[field.name] for field in dataclasses.fields(kind)}
    for setting in filter(None, settings.split(",")):
        key, _, value = setting.partition("=")
        if key not in hints:
            known = ", ".join(hints) or "no settings"
            raise BadConfig(f"{option}: {name} has no {key!r}{did_you_mean(key, hints)}; it has {known}")
        given[key] = _read(hints[key], value, f"{option}: {key} of {name}")
    try:
        return kind(**given)
    except ValueError as problem:
        raise BadConfig(f"{option}: {name}: {problem}") from problem


def in_words(value: Any, kinds: Mapping[str, type[Any]]) -> str:
    """What :func:`value_named` reads as this value."""
    name = next((name for name, kind in kinds.items() if type(value) is kind), type(value).__name__)
    told = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    changed = [f"{f.name}={_written(told[f.name])}" for f in dataclasses.fields(value) if told[f.name] != f.default]
    return f"{name}:{','.join(changed)}" if changed else name


def kind_in_words(part: object) -> str:
    """What kind of its part of a config a value is, after a word that says which part that is.

    Returns:
        ``karras`` of a ``KarrasSpacing``, ``linear preserving`` of a ``LinearPreservingProcess``.
    """
    name = type(part).__name__
    for role in _ROLES:
        name = name.removesuffix(role)
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()


def network_name(config: object) -> str:
    """What messages call a network, by its config: ``SongUNet`` of a ``SongUNetConfig``."""
    return type(config).__name__.removesuffix("Config")


def _read(annotation: Any, value: str, where: str) -> Any:
    if get_origin(annotation) is Literal:
        if value not in get_args(annotation):
            raise BadConfig(f"{where} is {' or '.join(get_args(annotation))}, got {value!r}")
        return value
    try:
        if annotation is float and math.isnan(float(value)):
            raise ValueError("no number at all")
        if annotation in (int, float):
            return annotation(value)
        return tuple(int(each) for each in value.split("+"))
    except ValueError as problem:
        wanted = {int: "a whole number", float: "a number"}.get(annotation, "whole numbers joined by +")
        raise BadConfig(f"{where} is {wanted}, got {value!r}") from problem


def _written(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
