"""A paper is spelt for BibTeX and for people."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.references import Reference

PAPER = Reference(
    key="ho2020ddpm",
    title="Denoising Diffusion Probabilistic Models",
    authors=("Jonathan Ho", "Ajay Jain", "Pieter Abbeel"),
    year=2020,
    venue="NeurIPS",
    arxiv="2006.11239",
)


def test_bibtex_keeps_the_titles_capitals_and_names_the_preprint() -> None:
    assert PAPER.bibtex().splitlines() == [
        "@inproceedings{ho2020ddpm,",
        "  title = {{Denoising Diffusion Probabilistic Models}},",
        "  author = {Jonathan Ho and Ajay Jain and Pieter Abbeel},",
        "  booktitle = {NeurIPS},",
        "  year = {2020},",
        "  eprint = {2006.11239},",
        "  archivePrefix = {arXiv}",
        "}",
    ]
    assert PAPER.url == "https://arxiv.org/abs/2006.11239"


def test_people_read_surnames_venue_and_year() -> None:
    assert PAPER.short() == "Ho et al., NeurIPS 2020"
    assert replace(PAPER, authors=PAPER.authors[:2]).short() == "Ho and Jain, NeurIPS 2020"


def test_a_preprint_has_no_book_and_without_a_number_no_address() -> None:
    preprint = replace(PAPER, venue="arXiv")
    assert preprint.bibtex().startswith("@misc{")
    assert "booktitle" not in preprint.bibtex()
    assert replace(PAPER, arxiv="").url == ""
