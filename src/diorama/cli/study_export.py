"""``diorama study export``: a study's answers as a file, from its database or from what raters of a bundle sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import parse, shown_as
from diorama.core.numbers import counted


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a study's answers as CSV, or as JSON where the file's name ends in .json.

    Args:
        study: a folder that `diorama study new` made.
        out: the file that is written.
        database: a PostgreSQL database, in place of the study's own file; see `diorama study serve --help`.
        version: of a study that was changed while it ran.
        downloads: files that raters of a bundle sent, in place of a database.
    """

    study: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
    out: Path
    database: Annotated[str | None, shown_as("URL", "STUDY/answers.sqlite")] = None
    version: Annotated[int | None, shown_as("N", "the latest")] = None
    downloads: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(metavar="FILE")] = ()


def main(words: Sequence[str]) -> None:
    """Write the file, and say what is in it."""
    arguments = parse(Arguments, "study export", words, several={"--downloads": lambda word: True})

    from diorama.study.serve import require_packages

    require_packages()

    from diorama.core.errors import BadInput
    from diorama.study.answers import write_answers
    from diorama.study.bundle import answers_of_downloads
    from diorama.study.folder import open_study
    from diorama.study.serve import exported

    if arguments.downloads:
        answers, problems = answers_of_downloads(open_study(arguments.study), arguments.downloads)
        for problem in problems:
            print(f"left out: {problem}", file=sys.stderr)
        if not answers.rows:
            files = counted(len(arguments.downloads), "file")
            raise BadInput(f"--downloads: no answer to {arguments.study} in {files}; {arguments.out} is not written")
    else:
        answers = exported(arguments.study, arguments.database, arguments.version)
    write_answers(arguments.out, answers)
    if arguments.out.suffix.lower() != ".json" and any(row.block is not None for row in answers.rows):
        print(
            "exposures are left out, for which CSV has no place; HYPE_time needs them: --out NAME.json", file=sys.stderr
        )
    answered = sum(bool(row.choice) for row in answers.rows)
    raters = counted(len({row.rater for row in answers.rows}), "rater")
    print(f"{arguments.out}: {counted(answered, 'answer')} of {raters}, {len(answers.rows) - answered} left open")
