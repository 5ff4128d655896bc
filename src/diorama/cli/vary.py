"""``diorama vary``: draw other pictures like given ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import Appended, Files, one_word, parse, shown_as
from diorama.cli.editing import run_edit
from diorama.media.formats import SampleFormat, format_named

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.vary import Vary


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Draw other pictures like given ones: each is noised part of the way, and drawn anew from there (SDEdit).

    Every file says that it is an edit.

    Args:
        model: a model folder or a run.
        input: a picture, or a folder of them, of the size that the model draws.
        out: folder for the edited pictures; new, empty, or of older samples, which are replaced.
        strength: share of the way from noise that is drawn anew, above 0 and up to 1, which keeps next to nothing.
        count: how many of each picture.
        seed: of the noise; the same seed draws the same pictures.
        label: a class by name (or by number, where no class name is one), or all for the classes in turn.
        prompt: a text; given several times, the texts in turn.
        sampler: any that `diorama sample` takes, in place of the model's own.
        steps: of the sampler on the whole way, in place of the model's own number.
        guidance: scale of the guidance, 1 for none, in place of the model's own.
        guidance_kind: cfg (classifier-free), cfg-zero, apg, tcfg or pag, in place of the model's own; settings follow a
            colon, as in cfg:low=0.3,high=5.
        guide: a smaller or an earlier model of the same data, away from which the pictures are guided, or a classifier
            of noisy pictures; with --guidance above 1.
        format: png, jpeg (quality 95) or webp (lossless).
        batch_size: pictures drawn at a time; does not change what they are.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]
    input: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE_OR_FOLDER")]
    out: Path
    strength: float = 0.5
    count: int = 1
    seed: int = 0
    label: Annotated[str | None, shown_as("CLASS", "left to the model")] = None
    prompt: Appended = ()
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    guidance: Annotated[float | None, shown_as("SCALE")] = None
    guidance_kind: Annotated[str | None, shown_as("KIND")] = None
    guide: Annotated[Path | None, shown_as("MODEL_OR_RUN")] = None
    format: Annotated[
        SampleFormat | None,
        one_word(format_named, "FORMAT", optional=True),
        shown_as("FORMAT", "png, or what holds the data"),
    ] = None
    batch_size: Annotated[int | None, shown_as("N", "16")] = None
    device: str = "auto"
    with_files: Files = ()


def main(words: Sequence[str]) -> None:
    """Vary, with progress."""
    arguments = parse(Arguments, "vary", words)

    def made(model: Synthesizer) -> Vary:
        from diorama.tasks.vary import Vary

        return Vary(model, arguments.strength)

    run_edit(arguments, made)
