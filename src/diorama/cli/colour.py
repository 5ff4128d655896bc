"""``diorama colour``: draw the colours of given grey pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diorama.cli.arguments import parse
from diorama.cli.editing import EditArguments, run_edit

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.colour import Colour


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments):
    """Draw the colours of given grey pictures, with any diffusion model of colour pictures of their size.

    The grey values stay, as far as 8 bits and the range of colours allow.
    Every file says that it is an edit.

    Args:
        input: a grey picture (one channel), or a folder of them, of the size that the model draws.
    """


def main(words: Sequence[str]) -> None:
    """Colour, with progress."""
    arguments = parse(Arguments, "colour", words)

    def made(model: Synthesizer) -> Colour:
        from diorama.tasks.colour import Colour

        return Colour(model)

    run_edit(arguments, made)
