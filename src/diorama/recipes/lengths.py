"""A recipe in a longer or a shorter run."""

from __future__ import annotations

from dataclasses import replace

from diorama.training.recipe import AverageConfig, Recipe

STEPS_OF_HALF_LIFE = 693
"""Of an average that keeps 0.999 of itself in each step, as several papers have it."""


def of_length(recipe: Recipe, images: int) -> Recipe:
    """The recipe in a run of another length: warm-ups and averages are as much longer or shorter as the run is.

    Args:
        recipe: whose other values stay.
        images: seen in the new run.
    """
    optimizers = {
        name: replace(own, rate=replace(own.rate, warmup=scaled(own.rate.warmup, recipe, images)))
        for name, own in recipe.optimizers.items()
    }
    averages = {
        name: replace(own, half_life=scaled(own.half_life, recipe, images), rise=scaled(own.rise, recipe, images))
        if isinstance(own, AverageConfig)
        else own
        for name, own in recipe.averages.items()
    }
    return replace(recipe, images=images, optimizers=optimizers, averages=averages)


def scaled(count: int, recipe: Recipe, images: int) -> int:
    """A number of pictures of the recipe's run, in a run of ``images``."""
    return round(count * images / recipe.images)
