"""Names of recipes lead to functions, the user's own among them, and mistakes name the nearest."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.recipes.catalog import ENTRIES, check, entries_of, entry_of, find, names, resolve, small_of
from diorama.recipes.entries import translation
from diorama.recipes.entry import RecipeEntry
from diorama.training.recipe import Recipe
from tests.recipes.families import one_step, parts_for

PICTURES = DataInfo(
    name="p",
    media=MediaSpec(kind="image", channels=3, height=32, width=32),
    classes=("a", "b"),
    count=100,
    sides=(
        SideSpec(key="tokens", kind="text", shape=(24,), ragged=True),
        SideSpec(
            key="target",
            kind="picture",
            shape=(3, 64, 64),
            media=MediaSpec(kind="image", channels=3, height=64, width=64),
        ),
    ),
)
ALIKE = replace(
    PICTURES, sides=(SideSpec(key="target", kind="picture", shape=PICTURES.media.shape, media=PICTURES.media),)
)
CLIPS = DataInfo(
    name="v",
    media=MediaSpec(kind="video", channels=3, height=32, width=32, frames=16, fps=8.0),
    classes=("a", "b"),
    count=100,
)

WIDE = ("fast_cifar_class", "imm_class", "pix2pixhd", "stylegan2_cifar")
"""Recipes of large networks whose small twins have no labels, or that have none."""

LONG = [pytest.mark.slow, pytest.mark.long]
"""Of recipes that have a small twin, which takes the same steps."""

OWN = """
from dataclasses import replace
from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry
from diorama.recipes.vae import vae_cpu

def faces(info):
    return replace(vae_cpu(info), name="faces")

def plain(info):
    return replace(vae_cpu(info), name="plain")

PAPER = Reference(key="me2030faces", title="Faces", authors=("A B",), year=2030, venue="arXiv")
FACES = RecipeEntry(name="faces", make=faces, title="Faces", summary="faces", papers=(PAPER,), small="faces_small")

CATALOG = (FACES, FACES.variant(name="faces_small", make=plain, title="Faces (small)", summary="small faces"))
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my_recipes.py"
    path.write_text(OWN)
    return path


def media_of(entry: RecipeEntry) -> tuple[DataInfo, DataInfo]:
    """Data that fit a recipe, and data that do not."""
    if entry in translation.ENTRIES:
        return ALIKE, CLIPS
    return (CLIPS, PICTURES) if entry.kind == "video" else (PICTURES, CLIPS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_makes_a_recipe_of_its_name_for_its_media(entry: RecipeEntry) -> None:
    info, other = media_of(entry)
    recipe = resolve(entry.name)(info)
    assert isinstance(recipe, Recipe)
    assert recipe.name == entry.name
    if "teacher" in recipe.method.parts_wanted():
        return  # what a student draws is its teacher's affair
    with pytest.raises(BadConfig):
        resolve(entry.name)(other)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_recipe_builds_networks_that_it_has_optimizers_for(entry: RecipeEntry) -> None:
    info, _ = media_of(entry)
    recipe = resolve(entry.name)(info)
    with torch.device("meta"):
        players = recipe.method.build(parts_for(recipe, info)).players()
    assert set(players) == set(recipe.optimizers)
    assert all(parameters for parameters in players.values())


@pytest.mark.parametrize(
    "entry",
    [pytest.param(entry, marks=LONG if entry.small or entry.name in WIDE else ()) for entry in ENTRIES],
    ids=lambda entry: entry.name,
)
def test_every_recipe_takes_one_step_on_the_cpu(entry: RecipeEntry) -> None:
    info, _ = media_of(entry)
    losses = one_step(resolve(entry.name)(info), parts_for(resolve(entry.name)(info), info))
    assert losses
    assert all(math.isfinite(loss) for loss in losses.values())


def test_entries_have_names_of_their_own_and_known_counterparts() -> None:
    assert len(set(names())) == len(ENTRIES)
    for entry in ENTRIES:
        assert entry.about
        assert entry.papers
        assert entry.small is None or find(entry.small) is not None


def test_a_recipe_has_one_small_counterpart_which_has_none() -> None:
    assert small_of("ddpm_class") == "ddpm_class_cpu"
    assert all(small_of(small) is None for small in filter(None, map(small_of, names())))


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(BadConfig, match="did you mean 'mocogan'"):
        check("mocogen")
    with pytest.raises(BadConfig, match=r"file\.py:function"):
        resolve("my_recipes.py")


def test_a_recipe_of_ones_own_is_a_function_in_a_file(own: Path) -> None:
    recipe = resolve(f"{own}:plain")(PICTURES)
    assert recipe.name == "plain"
    assert entry_of(f"{own}:plain") is None
    with pytest.raises(BadConfig, match="did you mean 'plain'"):
        resolve(f"{own}:plane")
    with pytest.raises(BadInput, match="no such Python file"):
        check(f"{own.parent}/other.py:faces")


def test_a_file_may_say_of_its_recipes_what_the_catalog_says_of_shipped_ones(own: Path) -> None:
    entry = entry_of(f"{own}:faces")
    assert entry is not None
    assert (entry.title, entry.papers[0].key) == ("Faces", "me2030faces")
    assert resolve(f"{own}:faces")(PICTURES).name == "faces"
    assert small_of(f"{own}:faces") == f"{own}:faces_small"
    assert resolve(f"{own}:faces_small")(PICTURES).name == "plain"


def test_an_entry_of_ones_own_comes_before_a_shipped_one_of_its_name(own: Path) -> None:
    entries = entries_of([own])
    assert find("faces") is None
    assert find("faces", entries) is entries[0]
    mine = entries[0].variant(name="vae", make="x:y", title="Mine", summary="mine")
    assert find("vae", [mine]) is mine


def test_looking_a_name_up_runs_no_file(tmp_path: Path) -> None:
    """The name may stand in a model folder of somebody else."""
    path = tmp_path / "trap.py"
    path.write_text("raise RuntimeError('it was run')\n")
    assert find(f"{path}:anything") is None
