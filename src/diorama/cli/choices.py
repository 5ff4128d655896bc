"""Fields that hold one of a few parts, or none, each of which has a word: ``--method.augment ada``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diorama.cli.mistakes import WrongArguments
from diorama.core.config import WORDS
from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean

_NONE = "none"


def choices(value: Any, prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Dotted names of such fields within a recipe, with the parts by their words."""
    if isinstance(value, Mapping):
        items = [(str(name), inner, None) for name, inner in value.items()]
    elif dataclasses.is_dataclass(value):
        items = [(f.name, getattr(value, f.name), f.metadata.get(WORDS)) for f in dataclasses.fields(value)]
    else:
        return
    for name, inner, parts in items:
        if parts is not None:
            yield f"{prefix}{name}", {_NONE: None, **parts}
        yield from choices(inner, f"{prefix}{name}.")


def chosen(recipe: Any, words: Sequence[str]) -> tuple[Any, list[str]]:
    """The recipe with the parts that are named, and the words that are left.

    Args:
        recipe: a dataclass value.
        words: of the command line.

    Raises:
        WrongArguments: there is no such part, or it does not fit the recipe.
    """
    known, left, rest = dict(choices(recipe)), list[str](), iter(words)
    for word in rest:
        option, equals, given = word.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if name not in known or not option.startswith("--"):
            left.append(word)
            continue
        part = given if equals else next(rest, "")
        if part not in known[name]:
            raise WrongArguments(
                f"{option}: must be one of {', '.join(known[name])}, got {part!r}{did_you_mean(part, known[name])}"
            )
        try:
            recipe = _with(recipe, name.split("."), known[name][part])
        except (ValueError, BadConfig) as problem:
            field = name.rpartition(".")[2]
            raise WrongArguments(f"{option}: {str(problem).removeprefix(f'{field}: ')}") from problem
    return recipe, left


def _with(value: Any, path: Sequence[str], part: Any) -> Any:
    """A value with the part in the place of what is there."""
    first, *others = path
    old = value[first] if isinstance(value, Mapping) else getattr(value, first)
    new = _with(old, others, part) if others else part
    return {**value, first: new} if isinstance(value, Mapping) else dataclasses.replace(value, **{first: new})
