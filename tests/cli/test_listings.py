"""Recipes and papers are listed from the catalog, and from what a user's files add to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.cli.main import NOTHING_DONE, WRONG, run
from diorama.recipes.catalog import ENTRIES


def test_recipes_are_listed_with_their_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [entry.name for entry in ENTRIES]
    assert "Tulyakov et al., CVPR 2018" in next(line for line in lines if line.startswith("mocogan "))


OWN = """
from diorama.core.references import Reference
from diorama.recipes.entry import RecipeEntry

def make(info):
    raise NotImplementedError

PAPER = Reference(key="me2030faces", title="Faces", authors=("A B",), year=2030, venue="arXiv")
CATALOG = (
    RecipeEntry(name="faces", make=make, title="Faces", summary="draws faces", papers=(PAPER,)),
    RecipeEntry(name="bare", make=make, title="Bare", summary="cites nothing"),
)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my_recipes.py"
    path.write_text(OWN)
    return path


def test_recipes_of_ones_own_are_listed_as_training_is_given_them(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipes", "--with", str(own)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ENTRIES) + 2
    assert lines[-2].split() == [f"{own}:faces", *["image", "draws", "faces", "(B,", "arXiv", "2030)"]]
    assert lines[-1].endswith("cites nothing")


def test_papers_of_recipes_of_ones_own_are_cited(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([f"{own}:faces"], ["faces", "--with", str(own)], ["me2030faces", "--with", str(own)]):
        assert run(["cite", *words]) == 0
        assert capsys.readouterr().out.startswith("@misc{me2030faces,\n")
    assert run(["cite", "--with", str(own)]) == 0
    assert "{me2030faces," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["{own}:bare"], WRONG, "names no papers of it"),
        (["{own}:unknown"], WRONG, "names no papers of it"),
        (["face", "--with", "{own}"], WRONG, "did you mean 'faces'?"),
        (["absent.py:faces"], WRONG, "absent.py: there is no such Python file"),
        (["vae", "--with", "absent.py"], NOTHING_DONE, "absent.py: there is no such Python file"),
    ],
)
def test_what_cannot_be_cited_is_said(
    words: list[str], code: int, message: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cite", *(word.format(own=own) for word in words)]) == code
    assert message in capsys.readouterr().err


def test_every_paper_of_a_recipe_is_cited_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cite", "ddpm", "ddpm_cpu", "ho2020ddpm"]) == 0
    out = capsys.readouterr().out
    assert out.count("@inproceedings{ho2020ddpm,") == 1
    assert out.count("@inproceedings{song2021ddim,") == 1
    assert "eprint = {2006.11239}" in out


def test_without_names_everything_is_cited(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cite"]) == 0
    out = capsys.readouterr().out
    assert "@misc{ho2022guidance," in out
    assert out.count("{") == out.count("}")
