"""Which recipes a comparison trains, under which entry, with nothing measured in their loop."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.comparison.candidates import candidate, candidates_for, for_device
from diorama.comparison.options import CompareOptions
from diorama.core.durations import Budget
from diorama.core.errors import BadConfig
from diorama.recipes.catalog import find
from diorama.recipes.entry import RecipeEntry
from diorama.recipes.vae import vae_cpu
from tests.recipes.families import pictures

OWN = """
from dataclasses import replace
from diorama.recipes.entry import RecipeEntry
from diorama.recipes.vae import vae_cpu

def faces(info):
    return replace(vae_cpu(info), name="faces")

FACES = RecipeEntry(name="faces", make=faces, title="Faces", summary="faces", small="small")
CATALOG = (FACES, FACES.variant(name="small", make=faces, title="Small faces", summary="small"))
"""


def test_a_cpu_trains_the_small_counterparts_and_says_so(tmp_path: Path) -> None:
    own = tmp_path / "my.py"
    own.write_text(OWN)
    recipes = ["dcgan", "vae_cpu", f"{own}:faces", vae_cpu]
    chosen, notes = for_device(recipes, torch.device("cpu"), full_size=False)
    assert chosen == ["dcgan_cpu", "vae_cpu", f"{own}:small", vae_cpu]
    (note,) = notes
    assert "dcgan_cpu for dcgan" in note
    assert f"{own}:small for {own}:faces" in note


def test_a_budget_too_short_for_what_a_recipe_comes_to_is_told() -> None:
    options = CompareOptions(budget=Budget(images=5_000))
    _, notes = candidates_for(["progressive_cpu"], pictures(32), torch.device("cpu"), options)
    assert [note.split(",")[0] for note in notes] == [
        "progressive_cpu ends before all scales have faded in",
    ]


@pytest.mark.parametrize(("device", "full_size"), [("cuda", False), ("cpu", True)])
def test_recipes_are_taken_as_named_where_they_can_be_trained(device: str, full_size: bool) -> None:
    assert for_device(["dcgan"], torch.device(device), full_size=full_size) == (["dcgan"], [])


def test_a_candidate_knows_its_entry_and_measures_nothing_in_its_loop(tmp_path: Path) -> None:
    own = tmp_path / "my.py"
    own.write_text(OWN)
    shipped = candidate("vae_cpu", pictures())
    assert (shipped.entry, shipped.named) == (find("vae_cpu"), "vae_cpu")
    assert shipped.recipe.evaluation.every == shipped.recipe.evaluation.samples == 0
    mine = candidate(f"{own}:faces", pictures())
    assert mine.entry is not None
    assert (mine.entry.title, mine.recipe.name, mine.named) == ("Faces", "faces", f"{own}:faces")


def test_a_function_is_known_by_the_name_of_the_recipe_it_makes() -> None:
    entry = RecipeEntry(name="vae_cpu", make=vae_cpu, title="Mine", summary="")
    assert candidate(vae_cpu, pictures()).entry == find("vae_cpu")
    assert candidate(vae_cpu, pictures(), (entry,)).entry is entry


def test_what_makes_no_recipe_is_refused() -> None:
    with pytest.raises(BadConfig, match="must return a Recipe, got DataInfo"):
        candidate(lambda info: info, pictures())  # type: ignore[arg-type, return-value]


def test_what_draws_nothing_cannot_be_compared() -> None:
    with pytest.raises(BadConfig, match="adm_classifier_cpu: what it trains draws nothing"):
        candidate("adm_classifier_cpu", pictures(classes=("one", "other")))
