"""``diorama study analyse``: what people judged, with intervals over raters."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import WrongArguments, parse, shown_as


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Analyse the answers of a study, or a table of judgements that others published, as it is.

    Strengths by Bradley and Terry, Davidson, Thurstone and Elo; d' of forced choices and of real or fake; mean opinion;
    agreement, raters and items. Intervals take raters as draws. What the file was taken for is said first.

    Args:
        answers: an export of a study as CSV or JSON, or a table in a layout that docs/study-analyse.md lists.
        out: a folder for the report, study.html and study.json; without it the findings are printed alone.
        truth: the source whose pictures are true, for 2afc and real_or_fake; a table that says this itself keeps it.
        level: of the intervals.
        metrics: report.json of `diorama compare`, or CSV of systems by metrics: how they go with people's judgement.
    """

    answers: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    out: Annotated[Path | None, shown_as("FOLDER")] = None
    truth: Annotated[str | None, shown_as("NAME", "what the file says, real where it says nothing")] = None
    level: float = 0.95
    metrics: Annotated[Path | None, shown_as("FILE")] = None


def main(words: Sequence[str]) -> None:
    """Print the findings, and write the report where a folder is given."""
    arguments = parse(Arguments, "study analyse", words)

    from diorama.study.analysis.analyse import AnalyseOptions, analyse
    from diorama.study.analysis.page import write_analysis
    from diorama.study.analysis.text import analysis_lines

    try:
        options = AnalyseOptions(
            truth=arguments.truth or "",
            level=arguments.level,
            scores=arguments.metrics,
            command=shlex.join(["diorama", "study", "analyse", *words]),
        )
    except ValueError as problem:
        raise WrongArguments(f"--{problem}") from problem
    analysis = analyse(arguments.answers, options)
    # Written first, so that a reader of the lines who has seen enough (`| head`) costs no report.
    report = None if arguments.out is None else write_analysis(analysis, arguments.out)
    for line in analysis_lines(analysis):
        print(line)
    if report is not None:
        print(f"\nreport: {report}")
