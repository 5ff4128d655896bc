"""Training by a recipe's name: from what a user calls a recipe to a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig, BadInput, DioramaError
from diorama.core.user_files import catalog_of
from diorama.data.training_sets import Data, open_training_data
from diorama.recipes import catalog
from diorama.recipes.entry import RecipeFunction
from diorama.recipes.sizes import sizes_instead
from diorama.synthesis.parts import check_parts
from diorama.training import run
from diorama.training.recipe import Recipe, TrainOptions
from diorama.training.ticks import Tick

RecipeLike = str | RecipeFunction
"""A recipe's name, ``file.py:function``, or a function that makes one."""


def train(
    recipe: Recipe | RecipeLike, data: Data, out: Path | str, options: TrainOptions | None = None
) -> Iterator[Tick]:
    """Train a recipe on data into a run folder, or continue the run that lies there.

    Nothing is trained until the first tick is asked for. Closing the iterator, or Ctrl-C, saves the state of the last
    completed step; the same call continues from it.

    Args:
        recipe: its name (``"ddpm_cpu"``; ``diorama recipes`` lists them), ``"file.py:function"`` for one of your own,
            the function, or the value that it makes, where fields were given other values.
        data: prepared folders, small raw ones, or the words ``world`` and ``world-video``; several in a list, each
            alone or with its weight.
        out: the run folder.
        options: how it is run on this machine: device, time, length.

    Yields:
        What :func:`diorama.training.run.train` does: a tick before the first step, and one after every step.

    Raises:
        BadConfig: there is no such recipe (the nearest is named), it does not fit the data or needs a trained part.
        BadInput: a user's file is missing or cannot be run.
        And what :func:`diorama.training.run.train` raises.
    """
    if isinstance(recipe, Recipe):
        return run.train(recipe, data, out, options)
    if not isinstance(recipe, str) and not callable(recipe):
        raise BadConfig(
            f"recipe: must be a recipe's name, such as 'ddpm_cpu', 'file.py:function', a function of a DataInfo or a "
            f"Recipe, got {type(recipe).__name__}"
        )
    if isinstance(recipe, str):
        catalog.check(recipe)
    return _train(recipe, data, out, options or TrainOptions())


def _train(recipe: RecipeLike, data: Data, out: Path | str, options: TrainOptions) -> Iterator[Tick]:
    made = make(recipe, open_training_data(data).info)
    check_parts(made.frozen, made.method.parts_wanted())
    own: Sequence[object] = catalog_of([recipe]) if isinstance(recipe, str) and ":" in recipe else ()
    yield from run.train(made, data, out, replace(options, catalog=(*options.catalog, *own)))


def make(recipe: RecipeLike, info: DataInfo) -> Recipe:
    """A recipe for data.

    Args:
        recipe: its name, or its function.
        info: what the data are.

    Raises:
        BadConfig: there is no such recipe, it does not fit the data, or its function makes something else.
        BadInput: a user's file is missing or cannot be run, or its function fails.
    """
    function, name = (catalog.resolve(recipe), recipe) if isinstance(recipe, str) else (recipe, _name(recipe))
    try:
        made = function(info)
    except BadConfig as problem:
        raise BadConfig(f"{problem}{sizes_instead(function, info)}") from problem
    except DioramaError:
        raise
    except Exception as problem:
        # A user's own function may raise anything; what it is and where is more use than our own stack.
        raise BadInput(f"{name}: {type(problem).__name__} while it made the recipe: {problem}") from problem
    if not isinstance(made, Recipe):
        raise BadConfig(f"{name}: must return a Recipe, got {type(made).__name__}")
    return made


def _name(function: object) -> str:
    return getattr(function, "__qualname__", repr(function))
