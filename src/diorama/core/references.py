"""A paper as data, as it is cited in BibTeX and in reports. The papers themselves stand beside what they describe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A paper.

    Args:
        key: BibTeX key, ``"ho2020ddpm"``.
        title: as printed.
        authors: ``("Jonathan Ho", ...)``.
        year: of publication.
        venue: journal, conference or ``"arXiv"``.
        arxiv: number, or empty.
    """

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    venue: str
    arxiv: str = ""

    def bibtex(self) -> str:
        """The BibTeX entry; a preprint is a ``misc``, what a conference printed an ``inproceedings``."""
        preprint = self.venue == "arXiv"
        # A second pair of braces keeps the title's capitals, which styles lower otherwise.
        rows = [("title", f"{{{self.title}}}"), ("author", " and ".join(self.authors))]
        rows += [] if preprint else [("booktitle", self.venue)]
        rows += [("year", str(self.year))]
        rows += [("eprint", self.arxiv), ("archivePrefix", "arXiv")] if self.arxiv else []
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows)
        return f"@{'misc' if preprint else 'inproceedings'}{{{self.key},\n{fields}\n}}"

    def short(self) -> str:
        """``"Ho et al., NeurIPS 2020"``."""
        surnames = [author.split()[-1] for author in self.authors]
        who = " and ".join(surnames) if len(surnames) < 3 else f"{surnames[0]} et al."
        return f"{who}, {self.venue} {self.year}"

    @property
    def url(self) -> str:
        """Where the paper is read; empty when it has no arXiv number."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""
