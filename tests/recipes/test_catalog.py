"""Names of recipes lead to functions, the user's own among them, and mistakes name the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.core import references
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.recipes.catalog import ENTRIES, Entry, catalog_of, check, find, names, resolve
from diorama.training.recipe import Recipe

PICTURES = DataInfo(
    name="p", media=MediaSpec(kind="image", channels=3, height=32, width=32), classes=("a", "b"), count=100
)
CLIPS = DataInfo(
    name="v",
    media=MediaSpec(kind="video", channels=3, height=32, width=32, frames=16, fps=8.0),
    classes=("a", "b"),
    count=100,
)

OWN = """
from dataclasses import dataclass, replace
from my_part import SIZE
from diorama.recipes.vae import vae_cpu

@dataclass(frozen=True)
class Mine:
    size: int = SIZE

CATALOG = (Mine,)

def faces(info):
    return replace(vae_cpu(info), name="faces")
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "my_part.py").write_text("SIZE = 5\n")
    path = tmp_path / "my_recipes.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_makes_a_recipe_of_its_name_for_its_media(entry: Entry) -> None:
    info, other = (CLIPS, PICTURES) if entry.kind == "video" else (PICTURES, CLIPS)
    recipe = resolve(entry.name)(info)
    assert isinstance(recipe, Recipe)
    assert recipe.name == entry.name
    with pytest.raises(BadConfig):
        resolve(entry.name)(other)


def test_entries_cite_known_papers_and_have_known_counterparts() -> None:
    assert len(set(names())) == len(ENTRIES)
    for entry in ENTRIES:
        assert all(references.find(key).key == key for key in entry.references)
        assert entry.small is None or find(entry.small) is not None


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(BadConfig, match="did you mean 'mocogan'"):
        check("mocogen")
    with pytest.raises(BadConfig, match=r"file\.py:function"):
        resolve("my_recipes.py")


def test_a_recipe_of_ones_own_is_a_function_in_a_file(own: Path) -> None:
    recipe = resolve(f"{own}:faces")(PICTURES)
    assert recipe.name == "faces"
    with pytest.raises(BadConfig, match="did you mean 'faces'"):
        resolve(f"{own}:face")
    with pytest.raises(BadInput, match="no such Python file"):
        check(f"{own.parent}/other.py:faces")


def test_a_file_is_run_once_however_it_is_named(own: Path) -> None:
    (first,) = catalog_of([own])
    (second,) = catalog_of([f"{own}:faces"])
    assert first is second
    assert first().size == 5


def test_a_file_that_fails_says_where_and_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name\n")
    with pytest.raises(BadInput, match=r"broken\.py: ModuleNotFoundError.*nothing_of_that_name"):
        catalog_of([broken])
    wrong = tmp_path / "wrong.py"
    wrong.write_text("CATALOG = (1,)\n")
    with pytest.raises(BadInput, match="must hold config classes, metrics and extractors"):
        catalog_of([wrong])
    with pytest.raises(BadInput, match="no such Python file"):
        catalog_of([tmp_path / "absent.py"])
