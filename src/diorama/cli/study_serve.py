"""``diorama study serve``: the web server of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import WrongArguments, parse, shown_as


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Serve a study to its raters, and its progress and answers to whoever runs it.

    Answers are in STUDY/answers.sqlite, or in a PostgreSQL database. Whoever has the printed address of the
    administrator makes links for raters, sees how far they are and takes the answers away. Started again, the server
    goes on where it was stopped, or killed.

    Args:
        study: a folder that `diorama study new` made.
        host: the address that the server listens at; 0.0.0.0 for all of this machine.
        port: that it listens at; 0 for a free one.
        database: a PostgreSQL database, postgresql://USER@HOST/NAME, in place of the file. Without the option the
            environment's DIORAMA_STUDY_DATABASE says it, which keeps a password out of lists of processes.
        anyone: whoever comes may take part, without a link.
        changed: the study was changed since its first rater could come: begin a new version, whose answers are kept
            apart.
    """

    study: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
    host: str = "127.0.0.1"
    port: int = 8000
    database: Annotated[str | None, shown_as("URL", "STUDY/answers.sqlite")] = None
    anyone: bool = False
    changed: bool = False


def main(words: Sequence[str]) -> None:
    """Serve until the process is interrupted."""
    arguments = parse(Arguments, "study serve", words)
    if not 0 <= arguments.port < 1 << 16:
        raise WrongArguments(f"--port must be in [0, 65535], got {arguments.port}")

    from diorama.study.serve import ServeAt, require_packages, serve

    require_packages()
    at = ServeAt(host=arguments.host, port=arguments.port, database=arguments.database)
    serve(arguments.study, at, anyone=arguments.anyone, changed=arguments.changed)
