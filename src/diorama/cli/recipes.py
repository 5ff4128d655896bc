"""``diorama recipes``: the systems that ship, and a user's own, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import parse
from diorama.recipes.catalog import ENTRIES, entries_of


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """List the recipes that train and compare know by name. A recipe of your own is given as file.py:function.

    Args:
        with_files: Python files whose CATALOG names entries of recipes of your own, which are listed as well.
    """

    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Print the table of recipes, each under the name that ``diorama train`` is given."""
    files = parse(Arguments, "recipes", words).with_files
    rows = [(entry.name, entry) for entry in ENTRIES]
    rows += [(f"{file}:{entry.name}", entry) for file in files for entry in entries_of([file])]
    width = max(len(name) for name, _ in rows)
    for name, entry in rows:
        paper = f" ({entry.papers[0].short()})" if entry.papers else ""
        print(f"{name:<{width}}  {entry.kind:<5}  {entry.summary}{paper}")
