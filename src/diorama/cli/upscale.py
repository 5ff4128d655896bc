"""``diorama upscale``: draw larger pictures of given small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diorama.cli.arguments import parse
from diorama.cli.editing import EditArguments, run_edit

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.upscale import Upscale


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments):
    """Draw larger pictures of given small ones, with a model that was trained to enlarge, or with a cascade of them.

    Every file says that it is an edit.

    Args:
        input: a picture, or a folder of them, of the size that the model reads.
    """


def main(words: Sequence[str]) -> None:
    """Upscale, with progress."""
    arguments = parse(Arguments, "upscale", words)

    def made(model: Synthesizer) -> Upscale:
        from diorama.tasks.upscale import Upscale

        return Upscale(model)

    run_edit(arguments, made)
