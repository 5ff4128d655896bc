"""``diorama study design``: a page on which a study's design is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli import study_new
from diorama.cli.arguments import WrongArguments, parse
from diorama.cli.options import options_of


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a study's design on a page in the browser, which says its power too; `diorama study new --design` reads it.

    The page is served on this machine alone, under an address that is printed and that nobody can guess.

    Args:
        file: a TOML file, which need not be there yet, or the folder of a study whose study.toml is meant.
        port: that the page is served at; 0 for a free one.
    """

    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE_OR_STUDY")]
    port: int = 0


def main(words: Sequence[str]) -> None:
    """Serve the page until the process is interrupted."""
    arguments = parse(Arguments, "study design", words)
    if not 0 <= arguments.port < 1 << 16:
        raise WrongArguments(f"--port must be in [0, 65535], got {arguments.port}")

    from diorama.study.serve import require_packages

    require_packages()

    from diorama.study.designing.server import serve_design

    serve_design(arguments.file, arguments.port, help_of_new())


def help_of_new() -> dict[str, str]:
    """What the help of ``diorama study new`` says, by its options' names in Python."""
    return {option.name.replace("-", "_"): option.about for option in options_of(study_new.Arguments)}
