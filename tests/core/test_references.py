"""Papers are data: found by key, spelt for BibTeX and for people."""

from __future__ import annotations

import re

import pytest

from diorama.core.errors import BadConfig
from diorama.core.references import ALL, DDPM, GUIDANCE, VAE, Reference, find


@pytest.mark.parametrize("reference", ALL, ids=lambda reference: reference.key)
def test_every_entry_is_whole(reference: Reference) -> None:
    entry = reference.bibtex()
    assert entry.count("{") == entry.count("}")
    assert re.match(r"@(inproceedings|misc)\{[a-z]+\d{4}[a-z]+,\n", entry)
    assert str(reference.year) in reference.key
    assert reference.url == f"https://arxiv.org/abs/{reference.arxiv}"


def test_keys_are_unique_and_found() -> None:
    assert len({reference.key for reference in ALL}) == len(ALL)
    assert find("ho2020ddpm") is DDPM
    with pytest.raises(BadConfig, match="did you mean 'ho2020ddpm'"):
        find("ho2020dpm")


def test_papers_are_named_for_people() -> None:
    assert DDPM.short() == "Ho et al., NeurIPS 2020"
    assert VAE.short() == "Kingma and Welling, ICLR 2014"


def test_a_preprint_has_no_book() -> None:
    assert "booktitle" not in GUIDANCE.bibtex()
    assert Reference(key="x2000y", title="T", authors=("A B",), year=2000, venue="V").url == ""
