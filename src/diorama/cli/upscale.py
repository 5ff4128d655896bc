"""``diorama upscale``: draw larger pictures of given small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from diorama.cli.arguments import WrongArguments, parse, shown_as
from diorama.cli.editing import EditArguments, EditInput, refuse_several, run_edit

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.edit import Edit


@dataclass(frozen=True, kw_only=True)
class _Own(EditInput):
    """Its own options.

    Args:
        tile: side in pixels of the squares that larger pictures are drawn in, of networks that take any size; 0 for
            whole pictures, which need more memory.
    """

    tile: Annotated[int | None, shown_as("N", "256")] = None


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments, _Own):
    """Draw larger pictures of given small ones, with a model that was trained to enlarge, or with a cascade of them.

    Every file says that it is an edit.

    Args:
        input: a picture, or a folder of them, of the size that the model reads; ESRGAN and its like read any.
    """


def main(words: Sequence[str]) -> None:
    """Upscale, with progress."""
    arguments = parse(Arguments, "upscale", words)
    if arguments.tile is not None and arguments.tile < 0:
        raise WrongArguments(f"--tile must be at least 0, got {arguments.tile}")

    def made(model: Synthesizer) -> Edit:
        from diorama.synthesis.picture import TILE, PictureSynthesizer
        from diorama.tasks.upscale import Upscale, UpscaleInOnePass

        if not isinstance(model, PictureSynthesizer):
            upscale = Upscale(model)
            if arguments.tile is not None:
                raise WrongArguments("--tile: this model reads pictures of one size; leave that out")
            return upscale
        upscale_at_once = UpscaleInOnePass(model, TILE if arguments.tile is None else arguments.tile or None)
        refuse_several(arguments)
        return upscale_at_once

    run_edit(arguments, made)
