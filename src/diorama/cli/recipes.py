"""``diorama recipes``: the systems that ship, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diorama.cli.arguments import parse
from diorama.core import references
from diorama.recipes.catalog import ENTRIES


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """List the recipes that ``diorama train`` and ``diorama compare`` know by name.

    A recipe of your own is given as ``file.py:function``.
    """


def main(words: Sequence[str]) -> None:
    """Print the table of recipes."""
    parse(Arguments, "recipes", words)
    width = max(len(entry.name) for entry in ENTRIES)
    for entry in ENTRIES:
        paper = references.find(entry.references[0]).short()
        print(f"{entry.name:<{width}}  {entry.kind:<5}  {entry.summary} ({paper})")
