"""``diorama cite``: the papers behind recipes, as BibTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import WrongArguments, arguments_at_fault, parse, shown_as
from diorama.core.references import Reference
from diorama.core.suggestions import did_you_mean
from diorama.recipes import catalog, papers
from diorama.recipes.entry import RecipeEntry


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Print the BibTeX entries of recipes or papers.

    Args:
        names: recipes (ddpm_cpu, file.py:function) or keys of papers (ho2020ddpm).
        with_files: Python files whose CATALOG names entries of recipes of your own.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, shown_as("NAME", "all that Diorama cites")] = ()
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Print every cited paper once."""
    arguments = parse(Arguments, "cite", words)
    own = catalog.entries_of(arguments.with_files)
    known = (*papers.papers_of(own), *papers.ALL)
    cited = [paper for name in arguments.names for paper in _papers(name, own, known)] if arguments.names else known
    print("\n\n".join(paper.bibtex() for paper in dict.fromkeys(cited)))


def _papers(name: str, own: Sequence[RecipeEntry], known: Sequence[Reference]) -> Sequence[Reference]:
    """The papers of a recipe, or the one of a key."""
    if ":" in name:
        return _papers_of_own(name)
    entry = catalog.find(name, own)
    if entry is not None:
        return entry.papers
    found = [paper for paper in known if paper.key == name]
    if not found:
        near = did_you_mean(name, [*catalog.names(), *(e.name for e in own), *(paper.key for paper in known)])
        raise WrongArguments(f"there is no recipe or paper {name!r}{near}")
    return found


def _papers_of_own(name: str) -> Sequence[Reference]:
    with arguments_at_fault():
        catalog.check(name)
    entry = catalog.entry_of(name)
    if entry is None or not entry.papers:
        raise WrongArguments(
            f"{name}: the file's CATALOG names no papers of it; give it a RecipeEntry with papers, or cite Diorama's "
            "recipes that it builds on"
        )
    return entry.papers
