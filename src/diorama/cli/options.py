"""What options a command has: read off its dataclass, for files of options and for the completion of shells."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import PrimitiveConstructorSpec


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a command.

    Args:
        name: as it is typed, without the dashes before it.
        positional: a word of its own, without the name.
        switch: it takes no value.
        on: a switch that is on where it is not given.
        repeated: it may be given several times.
        one_word: its value is one word, in which several are separated by commas.
        choices: its values, where they are few.
        about: what it is, in a sentence.
    """

    name: str
    positional: bool
    switch: bool
    on: bool
    repeated: bool
    one_word: bool
    choices: tuple[str, ...]
    about: str

    @property
    def flag(self) -> str:
        """The word that names it: a switch that is on is turned off."""
        return f"--no-{self.name}" if self.on else f"--{self.name}"


def options_of(arguments: type[Any]) -> tuple[Option, ...]:
    """The options of a command.

    Args:
        arguments: its dataclass.
    """
    hints = get_type_hints(arguments, include_extras=True)
    # What a class says of an option goes before what those say from which it derives.
    told = {name: about for kind in reversed(arguments.__mro__) for name, about in _told(kind.__doc__ or "").items()}
    return tuple(_option(field, hints[field.name], told.get(field.name, "")) for field in dataclasses.fields(arguments))


def option_names(words: Sequence[str]) -> set[str]:
    """Names of the options in words of a command line, without dashes before them and ``no-``."""
    flags = [word.partition("=")[0].lstrip("-").replace("_", "-") for word in words if word.startswith("--")]
    # A switch within a part of a recipe is turned off as --part.no-name.
    parted = [flag.rpartition(".") for flag in flags]
    return {*flags, *(f"{part}{dot}{name.removeprefix('no-')}" for part, dot, name in parted)}


def _option(field: dataclasses.Field[Any], annotation: Any, about: str) -> Option:
    marks = getattr(annotation, "__metadata__", ())
    inner = get_args(annotation)[0] if marks else annotation
    renamed = next((mark.name for mark in marks if getattr(mark, "name", None) and hasattr(mark, "metavar")), None)
    return Option(
        name=str(renamed or field.name).replace("_", "-"),
        positional=tyro.conf.Positional in _plain_marks(marks),
        switch=inner is bool,
        on=inner is bool and field.default is True,
        repeated=tyro.conf.UseAppendAction in _plain_marks(marks) or _is_list(inner, marks),
        one_word=any(isinstance(mark, PrimitiveConstructorSpec) for mark in marks),
        choices=tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else (),
        about=about,
    )


def _is_list(inner: Any, marks: Sequence[Any]) -> bool:
    read = any(isinstance(mark, PrimitiveConstructorSpec) for mark in marks)
    return get_origin(inner) is tuple and not read


def _plain_marks(marks: Sequence[Any]) -> list[Any]:
    return [mark for mark in marks if not isinstance(mark, PrimitiveConstructorSpec)]


def _told(doc: str) -> dict[str, str]:
    """What a docstring says of every argument, in one line each."""
    told: dict[str, str] = {}
    name = ""
    for line in doc.partition("Args:")[2].splitlines():
        found, colon, about = line.strip().partition(": ")
        if colon and found.isidentifier() and line.startswith(" " * 8) and not line.startswith(" " * 9):
            name, told[found] = found, about
        elif name and line.strip():
            told[name] += f" {line.strip()}"
    return told
