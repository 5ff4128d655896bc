"""What a catalog says of a recipe. Nothing here imports torch, so that listings and help stay quick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from diorama.core.references import Reference

if TYPE_CHECKING:
    from diorama.core.contracts import DataInfo
    from diorama.training.recipe import Recipe

RecipeFunction = Callable[["DataInfo"], "Recipe"]
"""From what the data is to everything that a training run needs."""


@dataclass(frozen=True, kw_only=True)
class RecipeEntry:
    """A recipe, and the system that it trains.

    Args:
        name: what ``diorama train`` is given; behind ``file.py:`` where the recipe is a user's own.
        make: the function from a :class:`~diorama.core.contracts.DataInfo` to the recipe, or ``"module:function"``
            of one that is imported when it is called for.
        title: the system in a few words.
        summary: one line on what the recipe is for.
        about: what the system is, for a reader who has not met it.
        kind: the media it trains on.
        papers: that a user of the recipe cites, the main one first.
        small: name of the recipe that takes its place on machines without a GPU, of the same catalog or file.
        from_data: whether any data are all that it makes a generator of; a student needs its teacher, a model that
            enlarges needs pairs of pictures, one that fills holes draws nothing without a picture, and a network of
            features draws nothing at all.
    """

    name: str
    make: str | RecipeFunction
    title: str
    summary: str
    about: str = ""
    kind: Literal["image", "video"] = "image"
    papers: tuple[Reference, ...] = ()
    small: str | None = None
    from_data: bool = True

    def function(self) -> RecipeFunction:
        """The function that makes the recipe; its module is imported here, and torch with it."""
        if not isinstance(self.make, str):
            return self.make
        module, _, name = self.make.partition(":")
        function: RecipeFunction = getattr(import_module(module), name)
        return function

    def variant(self, *, name: str, make: str | RecipeFunction, title: str, summary: str) -> RecipeEntry:
        """The entry of the same system at another size; it has no smaller counterpart of its own."""
        return replace(self, name=name, make=make, title=title, summary=summary, small=None)
