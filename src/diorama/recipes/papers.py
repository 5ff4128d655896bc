"""Every paper that Diorama cites: of its recipes, and of what it measures."""

from __future__ import annotations

from collections.abc import Sequence

from diorama.core.references import Reference
from diorama.evaluation.papers import PAPERS
from diorama.recipes.catalog import ENTRIES
from diorama.recipes.entry import RecipeEntry


def papers_of(entries: Sequence[RecipeEntry]) -> tuple[Reference, ...]:
    """The papers of recipes, each once, in the order they are first cited."""
    return tuple(dict.fromkeys(paper for entry in entries for paper in entry.papers))


ALL: tuple[Reference, ...] = (*papers_of(ENTRIES), *PAPERS)
