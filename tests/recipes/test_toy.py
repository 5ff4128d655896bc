"""Toy recipes are small in everything: networks, batches, habits."""

from __future__ import annotations

import pytest

from diorama.recipes.catalog import ENTRIES, resolve
from diorama.recipes.entry import RecipeEntry
from diorama.training.recipe import AverageConfig
from tests.recipes.test_catalog import CLIPS, PICTURES

TOYS = [entry for entry in ENTRIES if entry.name.endswith("_toy")]


@pytest.mark.parametrize("entry", TOYS, ids=lambda entry: entry.name)
def test_a_toy_is_quick_and_measures_nothing_on_its_way(entry: RecipeEntry) -> None:
    recipe = resolve(entry.name)(CLIPS if entry.kind == "video" else PICTURES)
    assert sum(p.numel() for p in recipe.method.build().parameters()) <= 3_000_000
    assert recipe.evaluation.samples == 0
    assert recipe.batch_size <= 64
    average = recipe.averages[recipe.exported_average]
    assert isinstance(average, AverageConfig)
    assert average.half_life <= recipe.images / 10
    assert all(optimizer.rate.warmup <= recipe.images / 10 for optimizer in recipe.optimizers.values())


def test_every_family_of_the_demo_has_a_toy() -> None:
    assert {entry.name.removesuffix("_toy") for entry in TOYS} >= {"dcgan", "vae", "ddpm", "mocogan"}
