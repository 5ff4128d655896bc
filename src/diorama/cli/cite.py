"""``diorama cite``: the papers behind recipes, as BibTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from diorama.cli.arguments import WrongArguments, parse
from diorama.core import references
from diorama.core.errors import BadConfig
from diorama.recipes import catalog


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Print the BibTeX entries of recipes or papers.

    Args:
        names: recipes (ddpm_cpu) or keys of papers (ho2020ddpm); all that Diorama cites when there are none.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAME")] = ()


def main(words: Sequence[str]) -> None:
    """Print every cited paper once."""
    names = parse(Arguments, "cite", words).names
    papers = [paper for name in names for paper in _papers(name)] if names else list(references.ALL)
    print("\n\n".join(paper.bibtex() for paper in dict.fromkeys(papers)))


def _papers(name: str) -> list[references.Reference]:
    if ":" in name:
        raise WrongArguments(
            f"{name}: a recipe of one's own has no entry here; cite its paper, and Diorama's recipes that it builds on"
        )
    entry = catalog.find(name)
    if entry is not None:
        return [references.find(key) for key in entry.references]
    try:
        return [references.find(name)]
    except BadConfig as problem:
        near = catalog.nearest(name, (*catalog.names(), *(paper.key for paper in references.ALL)))
        raise WrongArguments(f"there is no recipe or paper {name!r}{near}") from problem
