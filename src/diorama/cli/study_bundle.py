"""``diorama study bundle``: a study as pages that need no server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import WrongArguments, parse
from diorama.core.numbers import counted


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a study as a folder of pages that need no server: raters open one and send the file that it saves.

    The folder says nothing of whose pictures are whose: that stays in the study's own folder, where
    `diorama study export --downloads` finds it.

    Args:
        study: a folder that `diorama study new` made.
        out: the folder that is written, which must not be there yet.
        raters: pages, one for each rater.
    """

    study: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
    out: Path
    raters: int = 20


def main(words: Sequence[str]) -> None:
    """Write the pages."""
    arguments = parse(Arguments, "study bundle", words)

    from diorama.study.serve import require_packages

    require_packages()

    from diorama.study.bundle import MOST_RATERS, write_bundle
    from diorama.study.folder import open_study

    if not 1 <= arguments.raters <= MOST_RATERS:
        raise WrongArguments(f"--raters must be in [1, {MOST_RATERS:,}], got {arguments.raters:,}")
    write_bundle(open_study(arguments.study), arguments.out, arguments.raters)
    print(f"{arguments.out}: {counted(arguments.raters, 'page')}, one for each rater, rater-0000.html and on")
    print(f"then: diorama study export {arguments.study} --downloads FILE … --out answers.csv")
