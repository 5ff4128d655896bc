"""``diorama demo``: four small generators on the built-in world, in minutes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diorama.cli.arguments import WrongArguments, parse
from diorama.cli.compare import follow


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train three generators of pictures and one of clips on the built-in world, measure them, write the report.

    Args:
        out: folder of the report, its runs and its data.
        seconds: of each training.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
    """

    out: Path = Path("demo")
    seconds: float = 60.0
    device: str = "auto"


def main(words: Sequence[str]) -> None:
    """Run the demo and print the rankings and where the report is."""
    arguments = parse(Arguments, "demo", words)
    if not arguments.seconds > 0:
        raise WrongArguments(f"--seconds must be above zero, got {arguments.seconds:g}")

    from diorama.comparison.demo import demo

    command = shlex.join(["diorama", "demo", *words])
    follow(demo(arguments.out, seconds=arguments.seconds, device=arguments.device, command=command))
