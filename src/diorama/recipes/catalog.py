"""Recipes by name: those that ship, one file of entries per family, and a user's own.

Everything here works without torch until a recipe's function is called for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diorama.core.errors import BadConfig, BadInput
from diorama.core.suggestions import did_you_mean
from diorama.core.user_files import file_and_name, load_file, members_of
from diorama.recipes.entries import (
    adversarial,
    diffusion,
    enlarging,
    features,
    few_steps,
    inpainting,
    latent,
    translation,
    variational,
    video,
)
from diorama.recipes.entry import RecipeEntry, RecipeFunction

ENTRIES: tuple[RecipeEntry, ...] = (
    *adversarial.ENTRIES,
    *translation.ENTRIES,
    *enlarging.ENTRIES,
    *inpainting.ENTRIES,
    *variational.ENTRIES,
    *diffusion.ENTRIES,
    *few_steps.ENTRIES,
    *latent.ENTRIES,
    *video.ENTRIES,
    *features.ENTRIES,
)
"""The recipes that ship, in the order they are listed."""


def names() -> list[str]:
    """Names of all recipes that ship with Diorama."""
    return [entry.name for entry in ENTRIES]


def find(name: str, own: Sequence[object] = ()) -> RecipeEntry | None:
    """The entry of that name. Only memory is looked in, so that a name of a stranger's model folder runs no file.

    Args:
        name: as a recipe is called in its own ``name``, without a file.
        own: what the user's files name in their ``CATALOG``; recipe entries in it come before the shipped ones.
    """
    entries = [entry for entry in (*own, *ENTRIES) if isinstance(entry, RecipeEntry)]
    return next((entry for entry in entries if entry.name == name), None)


def entries_of(files: Sequence[str | Path]) -> tuple[RecipeEntry, ...]:
    """The recipe entries in the ``CATALOG`` of users' files.

    Raises:
        BadInput: a file is missing or cannot be run.
    """
    return members_of(files, RecipeEntry)


def entry_of(name: str) -> RecipeEntry | None:
    """The entry of a recipe as a user names it; ``None`` for one's own without an entry.

    Args:
        name: a shipped recipe's name, or ``file.py:function``.

    Raises:
        BadConfig: no such name.
        BadInput: the file is missing or cannot be run.
    """
    check(name)
    if ":" not in name:
        return find(name)
    path, function = file_and_name(name)
    return next((entry for entry in entries_of([path]) if entry.name == function), None)


def small_of(name: str) -> str | None:
    """The recipe that takes the place of another where there is no GPU, as a user would name it.

    Args:
        name: a shipped recipe's name, or ``file.py:function``.
    """
    entry = entry_of(name)
    if entry is None or entry.small is None:
        return None
    path, colon, _ = name.rpartition(":")
    return f"{path}{colon}{entry.small}"


def check(name: str) -> None:
    """Refuse a name that :func:`resolve` would not know, without importing anything.

    Raises:
        BadConfig: there is no such recipe; the nearest name is given.
        BadInput: the file of ``file.py:function`` is missing.
    """
    if ":" in name:
        path, _ = file_and_name(name)
        if not path.is_file():
            raise BadInput(f"{path}: there is no such Python file")
    elif find(name) is None:
        own = " A recipe of your own is written file.py:function." if name.endswith(".py") else ""
        raise BadConfig(f"there is no recipe {name!r}{did_you_mean(name, names())}; `diorama recipes` lists them.{own}")


def resolve(name: str) -> RecipeFunction:
    """The function that makes a recipe of what the data is.

    Args:
        name: a shipped recipe's name, or ``file.py:function`` for one's own.

    Raises:
        BadConfig: no such name (the nearest is given), or no such function in the file.
        BadInput: the file is missing or cannot be run.
    """
    entry = entry_of(name)
    if entry is not None:
        return entry.function()
    path, function = file_and_name(name)
    module = load_file(path)
    found = getattr(module, function, None)
    if not callable(found):
        raise BadConfig(f"{path} has no function {function!r}{did_you_mean(function, vars(module))}")
    return found
