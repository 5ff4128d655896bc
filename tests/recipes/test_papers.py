"""Papers are data, each whole and under a key of its own."""

from __future__ import annotations

import re

import pytest

from diorama.core.references import Reference
from diorama.recipes.catalog import ENTRIES
from diorama.recipes.entries.diffusion import DDIM, DDPM
from diorama.recipes.papers import ALL, papers_of


@pytest.mark.parametrize("paper", ALL, ids=lambda paper: paper.key)
def test_every_paper_is_whole(paper: Reference) -> None:
    entry = paper.bibtex()
    assert entry.count("{") == entry.count("}")
    assert re.match(r"@(inproceedings|misc)\{[a-z]+\d{4}[a-z]+,\n", entry)
    assert str(paper.year) in paper.key
    assert paper.url == f"https://arxiv.org/abs/{paper.arxiv}"


def test_keys_are_unique() -> None:
    assert len({paper.key for paper in ALL}) == len(ALL)


def test_papers_of_several_recipes_come_once_in_the_order_of_their_first_use() -> None:
    ddpm = [entry for entry in ENTRIES if entry.name in ("ddpm", "ddpm_cpu")]
    assert papers_of(ddpm) == (DDPM, DDIM)
