"""``diorama translate``: make other pictures of given ones, as large as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diorama.cli.arguments import parse
from diorama.cli.editing import EditArguments, EditInput, refuse_several, run_edit

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.edit import Edit


@dataclass(frozen=True, kw_only=True)
class TranslateInput(EditInput):
    """Options of translation alone.

    Args:
        back: the other way, with the other generator that a CycleGAN has.
    """

    back: bool = False


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments, TranslateInput):
    """Make other pictures of given ones, with a CycleGAN, pix2pix or pix2pixHD, trained here or imported.

    Other networks from picture to picture that keep the size serve too. Every file says that it is an edit. Generators
    of these three are given whole pictures and no squares, since each pixel depends on all of the picture.

    Args:
        input: a picture, or a folder of them, of any size; where the network cannot halve its sides as often as it
            needs, the picture is mirrored at the rim, and what is made of that is cut off.
    """


def main(words: Sequence[str]) -> None:
    """Translate, with progress."""
    arguments = parse(Arguments, "translate", words)

    def made(model: Synthesizer) -> Edit:
        from diorama.tasks.translate import Translate

        translate = Translate(model, back=arguments.back)
        refuse_several(arguments)
        return translate

    run_edit(arguments, made)
