"""``diorama inpaint``: draw what a mask marks in given pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from diorama.cli.arguments import parse, shown_as
from diorama.cli.editing import EditArguments, EditInput, refuse_several, run_edit, with_single_steps

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.inpaint import UnderMasks


@dataclass(frozen=True, kw_only=True)
class _Own(EditInput):
    """Its own options.

    Args:
        mask: a picture, white where something is to be drawn; or a folder with a mask of the same name for each
            picture. Masks and pictures of another size than the model draws are scaled, and cut to their middle.
        rounds: how often each step of a diffusion model is taken; more take longer, and what is drawn fits better.
    """

    mask: Path
    rounds: Annotated[int | None, shown_as("N", "5")] = None


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments, _Own):
    """Draw what a mask marks in given pictures, with any diffusion model of their size (RePaint), or
    with a network that was trained to, such as the recipe inpaint_gan trains.

    Outside the mask every value comes back as it was, if the format keeps it. Every file says that it is an edit.

    Args:
        sampler: ancestral, ddim, euler or heun, in place of the model's own.
    """


def main(words: Sequence[str]) -> None:
    """Inpaint, with progress."""
    arguments = parse(Arguments, "inpaint", words)

    def made(model: Synthesizer) -> UnderMasks:
        from diorama.synthesis.inpainting import InpaintingSynthesizer
        from diorama.tasks.inpaint import inpainting
        from diorama.tasks.pictures import read_masks

        if isinstance(model, InpaintingSynthesizer):
            refuse_several(arguments)
        model = with_single_steps(model, arguments)
        return inpainting(model, read_masks(arguments.mask, arguments.input, model.config.media), arguments.rounds)

    run_edit(arguments, made)
