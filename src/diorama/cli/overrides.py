"""``--field value`` anywhere in a recipe: values may change, and parts that have words; other structure never.

A recipe is a tree of dataclasses whose fields are often unions. For the command line the tree is mirrored by
dataclasses that hold exactly the classes of this recipe, so that tyro shows and reads plain values and no union
ever appears.
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from diorama.cli.arguments import mistakes_in_one_line, one_word
from diorama.cli.choices import choices, chosen
from diorama.cli.mistaken_options import RATES
from diorama.cli.mistakes import WrongArguments
from diorama.core.contracts import MediaSpec
from diorama.core.durations import parse_images
from diorama.core.errors import BadConfig
from diorama.synthesis.parts import ModelRef
from diorama.training.recipe import Recipe

T = TypeVar("T")

FIXED = ("classes",)
"""Fields that follow from the data; they are structure, as every media specification is."""

_WORDS = {int: "INT", float: "FLOAT", str: "STR", type(None): "None"}
"""What the help calls values."""


def override(recipe: T, words: Sequence[str], command: str) -> T:
    """The recipe with the fields that ``words`` name changed.

    Args:
        recipe: a dataclass value.
        words: ``["--optimizers.generator.rate.peak", "1e-4", …]``.
        command: for the usage line, ``"train ddpm_cpu"``.

    Raises:
        WrongArguments: there is no such field (the nearest is named), or the value does not fit it.
    """
    recipe, words = chosen(recipe, words)
    if not words:
        return recipe
    known = list(names(recipe))
    for word in words:
        field = word.removeprefix("--").partition("=")[0].replace("-", "_")
        if not word.startswith("--"):
            continue
        plain = field.rpartition(".")
        negated = f"{plain[0]}{plain[1]}{plain[2].removeprefix('no_')}"
        if field not in known and negated not in known:
            if field.startswith("frozen.") and not any(name.startswith("frozen.") for name in known):
                raise WrongArguments(f"{word}: {_title(recipe)} uses no trained parts")
            raise WrongArguments(
                f"{word}: {_title(recipe)} has no such field{_other_part(recipe, field)}{_near(field, known)}"
            )
    mirror = _mirror(recipe)
    with mistakes_in_one_line(command, words):
        changed: Any = tyro.cli(mirror, prog=f"diorama {command}", args=list(words), add_help=False)
    return _restore(recipe, changed, "")


def describe(recipe: Any, command: str) -> None:
    """Print every field that may be overridden, with its value in this recipe."""
    mirror = _mirror(recipe)
    parts = [f"\n\n{_option(name)} {'|'.join(words)}" for name, words in choices(recipe)]
    try:
        tyro.cli(mirror, prog=f"diorama {command}", args=["--help"], description="".join([_title(recipe), *parts]))
    except SystemExit:
        return


def names(value: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of all fields that may be overridden."""
    for name, inner, _ in _fields(value):
        if _is_tree(inner):
            yield from names(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _other_part(recipe: Any, field: str) -> str:
    """Which option takes another part in, where the field may belong to one that the recipe does not hold."""
    for name, parts in choices(recipe):
        if field.startswith(f"{name}."):
            return f"; if it is one of another {_option(name)} ({', '.join(parts)}), give that as well"
    return ""


def _near(field: str, known: Sequence[str]) -> str:
    """The nearest name; the last part alone also counts, since nobody remembers whole paths."""
    rates = [_option(name) for name in known if name.endswith(".rate.peak")]
    if rates and field.replace("_", "-") in RATES:
        return f"; each optimizer has a rate of its own: {' and '.join(rates)}"
    leaves = {name.rpartition(".")[2]: name for name in known}
    leaf = field.rpartition(".")[2]
    same = [name for name in known if name.rpartition(".")[2] == leaf]
    if len(same) == 1:
        return f" (did you mean {_option(same[0])}?)"
    # Paths that begin alike are alike as a whole, whatever the last part, which is the one that people mean.
    alike = get_close_matches(leaf, leaves, n=len(leaves))
    within = [name for name in known if name.rpartition(".")[2] in alike]
    close = get_close_matches(field, within, n=1) or [leaves[name] for name in alike[:1]]
    return f" (did you mean {_option(close[0])}?)" if close else ""


def _option(name: str) -> str:
    """A field as the help spells it."""
    return f"--{name.replace('_', '-')}"


def _title(recipe: Any) -> str:
    return f"recipe {getattr(recipe, 'name', type(recipe).__name__)!r}"


def _is_tree(value: Any) -> bool:
    return isinstance(value, Mapping) or (dataclasses.is_dataclass(value) and not isinstance(value, ModelRef))


def _parts(recipe: Recipe) -> Any:
    """A dataclass of a recipe's frozen parts, those too that its method wants and nobody has given yet."""
    words = {**dict.fromkeys(recipe.frozen, "a trained part"), **recipe.method.parts_wanted()}
    fields = [(name, ModelRef | None, dataclasses.field(default=recipe.frozen.get(name))) for name in words]
    parts = dataclasses.make_dataclass("Parts", fields, frozen=True, kw_only=True)
    described = "".join(f"\n    {name}: {what}" for name, what in words.items())
    parts.__doc__ = f"Trained parts that are used as they are.\n\nArgs:{described}"
    return parts()


def _fields(value: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, value, narrowed annotation) of what may be overridden in a dataclass or a mapping."""
    if isinstance(value, Mapping):
        hints = {key: type(inner) for key, inner in value.items()}
        items = list(value.items())
    else:
        hints = get_type_hints(type(value))
        items = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if f.init]
        if isinstance(value, Recipe):
            items = [(name, _parts(value) if name == "frozen" else inner) for name, inner in items]
    for name, inner in items:
        if name in FIXED or isinstance(inner, MediaSpec) or not str(name).isidentifier():
            continue
        if _is_tree(inner):
            if any(True for _ in _fields(inner)):
                yield name, inner, None
            continue
        annotation = _narrow(hints[name])
        if annotation is not None:
            yield name, inner, annotation


def _narrow(annotation: Any) -> Any:
    """The annotation as tyro is to read it; ``None`` where it is not a plain value."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation == ModelRef | None:
        return Annotated[ModelRef | None, one_word(lambda text: ModelRef(folder=text), "FOLDER", _place, optional=True)]
    if annotation is int:
        return Annotated[int, one_word(parse_images_or_int, "INT")]
    if annotation in (float, str, bool) or origin is Literal:
        return annotation
    if origin in (Union, types.UnionType):
        kept = [a if a is type(None) else _narrow(a) for a in args]
        plain = [a for a in kept if a is not None]
        # `X | None` where X is a dataclass: present or absent is structure.
        if len(plain) < len(args):
            return None
        # tyro's own word for None is {None}, which nobody can type.
        words = [_WORDS[a] for a in args if a in _WORDS]
        union = reduce(or_, plain)
        return Annotated[union, tyro.conf.arg(metavar="|".join(words))] if len(words) == len(args) else union
    if origin is tuple and args and all(a is ... or _narrow(a) is not None for a in args):
        return annotation
    return None


def _place(part: ModelRef) -> str:
    return part.folder or f"{part.publisher}: {part.file}"


def parse_images_or_int(text: str) -> int:
    """A whole number; ``50k`` and ``2M`` as well.

    Raises:
        BadConfig: anything else.
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return parse_images(text)
    except BadConfig as problem:
        ambiguous = "bare 'm'" in str(problem)
        raise problem if ambiguous else BadConfig(f"{text!r} is not a whole number (50k and 2M are)") from problem


def _mirror(value: Any) -> type:
    """A dataclass with the overridable fields of ``value``, their defaults being its values."""
    fields: list[tuple[str, Any, Any]] = []
    for name, inner, annotation in _fields(value):
        if annotation is None:
            nested = _mirror(inner)
            fields.append((name, nested, dataclasses.field(default_factory=nested)))
        else:
            fields.append((name, annotation, dataclasses.field(default=inner)))
    mirror = dataclasses.make_dataclass(type(value).__name__, fields, frozen=True, kw_only=True)
    mirror.__doc__ = _plain(type(value).__doc__ or "") if dataclasses.is_dataclass(value) else ""
    return mirror


def _plain(doc: str) -> str:
    """A docstring without its markup: people read it on a terminal."""
    return re.sub(r"(?::\w+:)?`+~?([^`]+)`+", r"\1", doc)


def _restore(value: Any, changed: Any, where: str) -> Any:
    """``value`` with the fields of its mirror put back."""
    new = {}
    for name, inner, annotation in _fields(value):
        given = getattr(changed, name)
        new[name] = given if annotation is not None else _restore(inner, given, f"{where}{name}.")
    if isinstance(value, Mapping):
        return {**value, **new}
    if isinstance(value, Recipe) and "frozen" in new:
        new["frozen"] = {name: part for name, part in vars(new["frozen"]).items() if part is not None}
    try:
        return dataclasses.replace(value, **new)
    except (ValueError, BadConfig) as problem:
        if where:
            raise WrongArguments(f"{_option(where.rstrip('.'))}: {problem}") from problem
        # Of a recipe's own fields the message names the one that is meant, as Python spells it.
        field, space, rest = str(problem).partition(" ")
        spelt = _option(field) if field.rstrip(":") in new else f"--{field}"
        raise WrongArguments(f"{spelt}{space}{rest}") from problem
