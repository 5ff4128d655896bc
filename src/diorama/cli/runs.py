"""``diorama runs``: what runs there are below a folder, and removing some of them. Nothing here imports torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import Appended, WrongArguments, parse, shown_as
from diorama.core.durations import count_words
from diorama.core.errors import BadInput
from diorama.core.numbers import bytes_words, counted
from diorama.core.run_list import FoundRun, find_runs, remove_run
from diorama.core.text_table import aligned

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = ("run", "recipe", "images", "best score", "size", "last written", "state")
_NUMBERS = ("images", "size")
"""Columns whose cells end at the same place."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """List the runs below a folder: recipe, images seen, best score, size on disk, when each was last written, and
    whether it is finished, stopped or running. Or remove some of them.

    Args:
        folder: where to look; links are not followed.
        json: print the list for programs.
        remove: runs, as the list names them; asks first.
        yes: remove without asking.
    """

    folder: Annotated[
        Path | None, tyro.conf.Positional, shown_as("DIR", "the folder runs where there is one, else here")
    ] = None
    json: bool = False
    remove: Annotated[Appended, tyro.conf.arg(metavar="NAME")] = ()
    yes: bool = False


def main(words: Sequence[str]) -> None:
    """Print the list, or remove runs."""
    arguments = parse(Arguments, "runs", words, several={"--remove": lambda word: True})
    folder = arguments.folder or (Path("runs") if Path("runs").is_dir() else Path())
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder")
    if arguments.remove:
        _remove(folder, arguments.remove, sure=arguments.yes)
        return
    if arguments.yes:
        raise WrongArguments("--yes: there is nothing to agree to without --remove NAME")
    found = find_runs(folder)
    runs = found.runs
    for problem in found.left_out:
        print(f"left out: {problem}", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"folder": str(folder), "runs": [run.to_json() for run in runs]}, indent=2))
        return
    if not runs:
        raise BadInput(f"{folder}: there is no run in it, nor below it")
    for line in _table(runs):
        print(line)
    total = sum(run.bytes for run in runs)
    print(f"{counted(len(runs), 'run')} below {folder}, {bytes_words(total)}")


def _remove(folder: Path, names: Sequence[str], *, sure: bool) -> None:
    there = {run.name: run for run in find_runs(folder).runs}
    chosen = [_named(there, folder, name) for name in dict.fromkeys(names)]
    for run in chosen:
        run.require_removable()
    what = f"{counted(len(chosen), 'run')}, {bytes_words(sum(run.bytes for run in chosen))}"
    if not sure:
        _ask(chosen, what)
    for run in chosen:
        remove_run(run)
        print(f"removed {run.name} ({bytes_words(run.bytes)})")


def _named(there: Mapping[str, FoundRun], folder: Path, name: str) -> FoundRun:
    run = there.get(name.rstrip("/")) or there.get(Path(name).as_posix())
    if run is None:
        why = "is a link, and links are not followed" if (folder / name).is_symlink() else "is no run there"
        raise WrongArguments(f"--remove {name}: {why}; `diorama runs {folder}` lists those that are")
    return run


def _ask(chosen: Sequence[FoundRun], what: str) -> None:
    """Ask whether these runs may be removed.

    Raises:
        WrongArguments: there is nobody to ask.
        BadInput: the answer is no.
    """
    if not sys.stdin.isatty():
        raise WrongArguments("--remove asks before it removes, and nobody can answer here; add --yes")
    for line in _table(chosen):
        print(line)
    if input(f"Remove {what}, for good? [y/N] ").strip().lower() not in ("y", "yes"):
        raise BadInput("nothing was removed")


def _table(runs: Sequence[FoundRun]) -> list[str]:
    right = [i for i, name in enumerate(_HEAD) if name in _NUMBERS]
    return aligned([_HEAD, *(_cells(run) for run in runs)], right)


def _cells(run: FoundRun) -> tuple[str, ...]:
    from diorama.evaluation.catalog.metrics import SHIPPED

    score = "–"
    if run.score is not None:
        known = SHIPPED.find(run.score.metric)
        score = f"{run.score.metric}{f' {known.arrow}' if known is not None else ''} {run.score.value:.4g}"
    written = datetime.fromtimestamp(run.written).strftime("%Y-%m-%d %H:%M")
    return (run.name, run.recipe, count_words(run.images), score, bytes_words(run.bytes), written, run.state)
