"""What a comparison trains: the recipes that were named, or their small counterparts where there is no GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from diorama.comparison.options import CompareOptions
from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.recipes import catalog
from diorama.recipes.entry import RecipeEntry
from diorama.recipes.start import RecipeLike, make
from diorama.synthesis.parts import ModelRef, check_parts
from diorama.training.recipe import EvaluationConfig, Recipe, unreached


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A recipe that a comparison trains.

    Args:
        recipe: for the data at hand, without measurements in its loop.
        named: what it was named by.
        entry: what a catalog says of it; ``None`` where none does.
    """

    recipe: Recipe
    named: str
    entry: RecipeEntry | None


def candidates_for(
    recipes: Sequence[RecipeLike], info: DataInfo, device: torch.device, options: CompareOptions
) -> tuple[list[Candidate], list[str]]:
    """What a comparison trains, and sentences on what was chosen for the user.

    Args:
        recipes: as they were named.
        info: what the data are.
        device: that they are trained on.
        options: trained parts, a user's own classes, whether full sizes are wanted.

    Raises:
        BadConfig: a recipe does not exist or does not fit the data; a trained part is missing, or nobody wants it.
    """
    chosen, notes = for_device(recipes, device, full_size=options.full_size)
    made = [candidate(recipe, info, options.catalog) for recipe in chosen]
    if (length := options.budget.images) is not None:
        notes += [f"{each.recipe.name} {short}." for each in made for short in unreached(each.recipe, length)]
    return with_parts(made, options.frozen), notes


def for_device(
    recipes: Sequence[RecipeLike], device: torch.device, *, full_size: bool
) -> tuple[list[RecipeLike], list[str]]:
    """The recipes that this machine can train, and a sentence where others than those named were taken."""
    if device.type != "cpu" or full_size:
        return list(recipes), []
    chosen, changed = [], []
    for recipe in recipes:
        small = catalog.small_of(recipe) if isinstance(recipe, str) else None
        if small is not None:
            changed.append(f"{small} for {recipe}")
        chosen.append(small or recipe)
    if not changed:
        return chosen, []
    return chosen, [f"There is no GPU here, so small recipes were taken: {', '.join(changed)}."]


def candidate(recipe: RecipeLike, info: DataInfo, own: Sequence[object] = ()) -> Candidate:
    """Make a recipe for the data.

    Args:
        recipe: its name, or its function.
        info: what the data are.
        own: what the user's files name in their ``CATALOG``, for a recipe that is given as a function.

    Raises:
        BadConfig: there is no such recipe, it does not fit the data, its function makes something else, or what it
            trains draws nothing.
        BadInput: its function fails.
    """
    made = make(recipe, info)
    if not made.method.draws:
        raise BadConfig(f"{made.name}: what it trains draws nothing, so there is nothing to compare")
    entry = catalog.entry_of(recipe) if isinstance(recipe, str) else catalog.find(made.name, own)
    # The budget is for training alone, and last models are compared: one picked by the metric that it is then judged
    # by would have an unfair start.
    silent = EvaluationConfig(metric=made.evaluation.metric, every=0, samples=0)
    named = recipe if isinstance(recipe, str) else made.name
    return Candidate(recipe=replace(made, evaluation=silent), named=named, entry=entry)


def with_parts(candidates: Sequence[Candidate], parts: Mapping[str, ModelRef]) -> list[Candidate]:
    """Give each recipe the trained parts that it wants.

    Args:
        candidates: what is trained.
        parts: by name.

    Raises:
        BadConfig: a recipe wants a part that is not given, or no recipe wants one that is.
    """
    given = []
    for each in candidates:
        wanted = each.recipe.method.parts_wanted()
        frozen = {**each.recipe.frozen, **{name: ref for name, ref in parts.items() if name in wanted}}
        try:
            check_parts(frozen, wanted)
        except BadConfig as problem:
            raise BadConfig(f"{each.recipe.name}: {problem}") from problem
        given.append(replace(each, recipe=replace(each.recipe, frozen=frozen)))
    used = {name for each in candidates for name in each.recipe.method.parts_wanted()}
    for name in parts:
        if name not in used:
            raise BadConfig(f"frozen.{name}: none of the recipes wants such a part")
    return given
