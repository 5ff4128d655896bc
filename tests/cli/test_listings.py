"""Recipes and papers are listed from the catalog alone."""

from __future__ import annotations

import pytest

from diorama.cli.main import run
from diorama.recipes.catalog import ENTRIES


def test_recipes_are_listed_with_their_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [entry.name for entry in ENTRIES]
    assert "Tulyakov et al., CVPR 2018" in next(line for line in lines if line.startswith("mocogan "))


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
