"""``diorama sample``: draw from a trained model into numbered files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from diorama.cli.arguments import (
    Appended,
    Files,
    WrongArguments,
    arguments_at_fault,
    one_word,
    parse,
    sampling_asked,
    shown_as,
)
from diorama.cli.progress import display
from diorama.core.user_files import catalog_of
from diorama.media.formats import SampleFormat, format_named

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.synthesis.samples import SampleOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Draw samples into numbered files: 000000.png …, MP4 for clips (.tif or .npy where the data are neither 8-bit grey
    nor colour).

    Sample i of a seed is always the same. Every file says that it is synthetic and how it was drawn; samples.json
    lists what they are.

    Args:
        model: a model folder or a run.
        out: folder for the samples; new, empty, or of older samples, which are replaced.
        count: how many.
        seed: of the noise; the same seed draws the same samples.
        first: number of the first sample.
        label: a class by name (or by number, where no class name is one), or all for the classes in turn.
        prompt: a text; given several times, the texts in turn.
        records: prepared data whose records are taken in turn: samples are given what they have (captions, pictures).
        split: of those data.
        sampler: ddim, ancestral, heun, lms or another that docs/sample.md lists, in place of the model's own.
        steps: of the sampler, in place of the model's own number. A GAN, which draws in one pass, has none.
        guidance: scale of the guidance, 1 for none, in place of the model's own.
        guidance_kind: cfg (classifier-free), cfg-zero, apg, tcfg, pag, autoguidance or classifier, in place of the
            model's own; its settings follow a colon, as in cfg:low=0.3,high=5.
        guide: a smaller or an earlier model of the same data, away from which the samples are guided (autoguidance), or
            a classifier of noisy pictures.
        psi: of a GAN that can be truncated: less variety, and samples closer to what is usual. Of BigGAN the largest
            latent value, such as 0.5; of StyleGAN what is left of the distance from the mean style, such as 0.7.
        cutoff: how many layers of a StyleGAN that is for, the coarsest first, in place of all.
        standing: of a GAN with batch norm: take its statistics anew over so many batches of samples, such as 16.
        like: a file that was drawn before, to be drawn again: its seed, number, condition, sampler, steps, guidance,
            truncation.
        format: of pictures png, jpeg (quality 95) or webp (lossless); of clips mp4, webm, gif or frames, a numbered
            folder of pictures each.
        grid: also show the first samples side by side in this file, outside the folder: .png, .jpg or .webp; of clips
            also .mp4, .webm or .gif, in which they play (a picture has a row of frames for each clip).
        batch_size: samples drawn at a time; does not change what they are.
        precision: auto is half precision for models that draw in many steps: fp16 on a GPU, bf16 on a CPU that has it.
        exact: bit-equal files on one machine whatever the count is; slower.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]
    out: Path
    count: Annotated[int | None, shown_as("N", "16, with --like 1")] = None
    seed: int = 0
    first: int = 0
    label: Annotated[str | None, shown_as("CLASS", "left to the model")] = None
    prompt: Appended = ()
    records: Annotated[str | None, shown_as("DATA")] = None
    split: str = "val"
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    guidance: Annotated[float | None, shown_as("SCALE")] = None
    guidance_kind: Annotated[str | None, shown_as("KIND")] = None
    guide: Annotated[Path | None, shown_as("MODEL_OR_RUN")] = None
    psi: Annotated[float | None, shown_as("PSI", "no truncation")] = None
    cutoff: Annotated[int | None, shown_as("N")] = None
    standing: Annotated[int | None, shown_as("N", "the statistics of training")] = None
    like: Annotated[Path | None, shown_as("FILE")] = None
    format: Annotated[
        SampleFormat | None,
        one_word(format_named, "FORMAT", optional=True),
        shown_as("FORMAT", "png, mp4, or what holds the data"),
    ] = None
    grid: Annotated[Path | None, shown_as("FILE")] = None
    batch_size: Annotated[int | None, shown_as("N", "as many as memory holds")] = None
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    exact: bool = False
    device: str = "auto"
    with_files: Files = ()


_DRAWN = ("sampler", "steps", "guidance", "guidance_kind", "psi", "cutoff", "standing")
_OF_LIKE = ("first", "seed", "label", "prompt", *_DRAWN)
"""What ``--like`` takes from the file, and so cannot be given beside it."""


def main(words: Sequence[str]) -> None:
    """Draw, with progress."""
    arguments = parse(Arguments, "sample", words)
    _check(arguments)
    catalog = catalog_of(arguments.with_files)

    from diorama.core import distributed
    from diorama.core.device import pick
    from diorama.synthesis.samples import check_sheet, options_like, sample

    if arguments.grid is not None:
        with arguments_at_fault():
            check_sheet(arguments.grid, arguments.out)
    options, seed = _options(arguments, catalog), arguments.seed
    count = arguments.count or (16 if arguments.like is None else 1)
    model: Path | Synthesizer = arguments.model
    if arguments.guide is not None:
        model, options = _guided(arguments, options)
    if arguments.like is not None:
        seed, options = options_like(arguments.like, model, options)
        file, out = arguments.like.resolve(), arguments.out.resolve()
        # Of a clip written as frames the file lies one folder deeper.
        if out in (file.parent, file.parent.parent if file.parent.name.isdecimal() else None):
            raise WrongArguments(f"--out: {arguments.out} holds the file of --like, whose samples would be replaced")
        if arguments.grid is not None and arguments.grid.resolve() == file:
            raise WrongArguments(f"--grid: {arguments.grid} is the file of --like, which would be replaced")
    notes: list[str] = []
    with distributed.session(distributed.own_device(pick(options.device))):
        with display() as shown:
            doing = f"drawing from {arguments.model}"
            shown.update(doing)
            for step in sample(model, count, seed=seed, out=arguments.out, options=options):
                shown.update(doing, step.done / step.count, f"{step.done:,} of {step.count:,}")
                notes += step.notes
        if distributed.is_first():
            print("\n".join([f"{count:,} {'sample' if count == 1 else 'samples'} in {arguments.out}", *notes]))


def _guided(arguments: Arguments, options: SampleOptions) -> tuple[Synthesizer, SampleOptions]:
    """The model with its guide, and the options with its recipe, which only its folder tells."""
    from diorama.core import distributed
    from diorama.core.device import pick
    from diorama.synthesis.guided import guided_by, require_guidance
    from diorama.synthesis.store import load, read_provenance

    assert arguments.guide is not None
    device = distributed.own_device(pick(options.device))
    model, guide = (load(path, device=device, catalog=options.catalog) for path in (arguments.model, arguments.guide))
    guided = guided_by(model, guide)
    if arguments.like is None:
        require_guidance(guided, options.draw.sampling)
    return guided, replace(options, recipe=read_provenance(arguments.model).recipe_name)


def _check(arguments: Arguments) -> None:
    if arguments.count is not None and arguments.count < 1:
        raise WrongArguments(f"--count must be at least 1, got {arguments.count}")
    if not 0 <= arguments.seed < 1 << 64:
        raise WrongArguments(f"--seed must be in [0, 2^64), got {arguments.seed}")
    if arguments.like is not None:
        for name in _OF_LIKE:
            if getattr(arguments, name) != getattr(Arguments, name):
                option = name.replace("_", "-")
                raise WrongArguments(f"--{option}: --like takes it from the file; give one of the two")


def _options(arguments: Arguments, catalog: tuple[object, ...]) -> SampleOptions:
    from diorama.core.device import pick
    from diorama.synthesis.drawing import DrawOptions
    from diorama.synthesis.samples import Given, SampleOptions

    with arguments_at_fault():
        device = str(pick(arguments.device))
    sampling = sampling_asked(
        arguments.sampler,
        arguments.steps,
        arguments.guidance,
        arguments.guidance_kind,
        psi=arguments.psi,
        cutoff=arguments.cutoff,
        standing=arguments.standing,
    )
    try:
        draw = DrawOptions(
            batch_size=arguments.batch_size,
            first=arguments.first,
            exact=arguments.exact,
            precision=arguments.precision,
            sampling=sampling,
        )
        given = Given(label=arguments.label, prompts=arguments.prompt, records=arguments.records, split=arguments.split)
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    return SampleOptions(
        draw=draw, given=given, format=arguments.format, grid=arguments.grid, device=device, catalog=catalog
    )
