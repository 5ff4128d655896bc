"""What the commands that edit pictures share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import tyro

from diorama.cli.arguments import (
    Appended,
    Files,
    WrongArguments,
    arguments_at_fault,
    one_word,
    sampling_asked,
    shown_as,
)
from diorama.cli.progress import display
from diorama.core.errors import BadConfig, BadInput
from diorama.core.numbers import counted
from diorama.core.user_files import catalog_of
from diorama.media.formats import SampleFormat, format_named

if TYPE_CHECKING:
    from diorama.synthesis.base import Sampling, Synthesizer
    from diorama.synthesis.samples import SampleProgress
    from diorama.tasks.edit import Edit, EditOptions
    from diorama.tasks.examine import Examination


_DDIM_STEPS = 25
"""At least taken where DDIM stands in for a sampler of few steps."""

Verb = TypeVar("Verb", "Edit", "Examination")


@dataclass(frozen=True, kw_only=True)
class EditInput:
    """What stands first among the options of a command that takes pictures; its own options follow.

    Args:
        model: a model folder or a run.
        input: a picture, or a folder of them, of the size that the model draws.
        out: folder for the edited pictures; new, empty, or of older samples, which are replaced.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]
    input: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PICTURE_OR_FOLDER")]
    out: Path


@dataclass(frozen=True, kw_only=True)
class EditArguments(EditInput):
    """The options that all commands have that take pictures.

    A command's class derives from this one, and before it from one of :class:`EditInput` that has its own options, so
    that these stand between. What it says of an option in its own docstring takes the place of what is said here.

    Args:
        count: how many of each picture.
        seed: of the noise; the same seed draws the same pictures.
        label: a class by name (or by number, where no class name is one), or all for the classes in turn.
        prompt: a text; given several times, the texts in turn.
        sampler: any that `diorama sample` takes, in place of the model's own.
        steps: of the sampler, in place of the model's own number.
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


def refuse_several(arguments: EditArguments) -> None:
    """Refuse to make several of each picture, with a model that draws no noise.

    Raises:
        WrongArguments: they were asked for.
    """
    if arguments.count != 1:
        raise WrongArguments("--count: this model makes the same picture every time; leave that out")


def with_single_steps(model: Synthesizer, arguments: EditArguments) -> Synthesizer:
    """The model; where no sampler was asked for and its own does not take its steps one at a time, with DDIM, which is
    said.

    Args:
        model: that draws as was asked.
        arguments: of a command that takes each step by itself.
    """
    from diorama.processes.discrete import DiscreteProcess
    from diorama.processes.ratio_spacing import RatioSpacing
    from diorama.samplers.inpainting import takes_single_steps
    from diorama.synthesis.base import Sampling
    from diorama.synthesis.diffusion import DiffusionSynthesizer

    if arguments.sampler is not None or not isinstance(model, DiffusionSynthesizer):
        return model
    process, spacing = model.config.process, model.config.spacing
    if takes_single_steps(model.config.sampler) or (isinstance(spacing, RatioSpacing) and len(spacing.ratios) == 1):
        return model
    # A step of DDIM knows nothing of the others, so that more are taken.
    steps = max(_DDIM_STEPS, model.sampling.steps or 0)
    if isinstance(process, DiscreteProcess):
        steps = min(steps, process.steps)
    if isinstance(spacing, RatioSpacing):
        # Of other levels than it was trained at such a model says nothing.
        steps = min(steps, len(spacing.ratios))
    steps = arguments.steps or steps
    print(
        f"sampler: the model's own, {model.sampling.sampler}, does not take its steps one at a time, as is needed "
        f"here; ddim in {counted(steps, 'step')} takes its place (--sampler and --steps ask for others)"
    )
    return model.resampled(Sampling(sampler="ddim", steps=steps))


def run_edit(arguments: EditArguments, made: Callable[[Synthesizer], Edit]) -> None:
    """Load the model, edit with progress, and say where the pictures are.

    Args:
        arguments: of the command.
        made: the edit, of the model.
    """

    def walked(edit: Edit, sha256: str, options: EditOptions) -> Iterator[SampleProgress]:
        from diorama.tasks.edit import edited

        return edited(edit, arguments.input, arguments.out, sha256, options)

    _run(arguments, made, walked)


def run_examination(arguments: EditArguments, made: Callable[[Synthesizer], Examination]) -> None:
    """Load the model, examine with progress, and say where the report is.

    Args:
        arguments: of the command; ``count`` is that of the samples of each picture.
        made: the examination, of the model.
    """

    def walked(examination: Examination, sha256: str, options: EditOptions) -> Iterator[SampleProgress]:
        from diorama.tasks.examine import examined

        return examined(examination, arguments.input, arguments.out, sha256, options)

    _run(arguments, made, walked)


def _run(
    arguments: EditArguments,
    made: Callable[[Synthesizer], Verb],
    walked: Callable[[Verb, str, EditOptions], Iterator[SampleProgress]],
) -> None:
    if not 0 <= arguments.seed < 1 << 64:
        raise WrongArguments(f"--seed must be in [0, 2^64), got {arguments.seed}")
    sampling = sampling_asked(arguments.sampler, arguments.steps, arguments.guidance, arguments.guidance_kind)
    catalog = catalog_of(arguments.with_files)

    from diorama.core.device import pick
    from diorama.synthesis.given import Given, conditions_for
    from diorama.synthesis.guided import guided_by, idle_guidance, require_guidance
    from diorama.synthesis.store import load, model_hash, read_provenance
    from diorama.tasks.edit import EditOptions

    with arguments_at_fault():
        device = pick(arguments.device)
    try:
        given = Given(label=arguments.label, prompts=arguments.prompt)
        options = EditOptions(
            seed=arguments.seed, count=arguments.count, batch_size=arguments.batch_size, format=arguments.format
        )
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    model = load(arguments.model, device=device, catalog=catalog)
    if arguments.guide is not None:
        model = guided_by(model, load(arguments.guide, device=device, catalog=catalog))
        require_guidance(model, sampling)
    verb = _made_of(model, sampling, made)
    recipe = read_provenance(arguments.model).recipe_name or ""
    options = replace(options, conditions=conditions_for(model, given), recipe=recipe)
    done = 0
    with _values_at_fault(), display() as shown:
        doing = f"{verb.verb}: {arguments.input}"
        shown.update(doing)
        for step in walked(verb, model_hash(arguments.model), options):
            shown.update(doing, step.done / step.count, f"{step.done:,} of {step.count:,}")
            done = step.done
    print(f"{done:,} {'picture' if done == 1 else 'pictures'} in {arguments.out}")
    if note := idle_guidance(sampling, model.resampled(sampling), options.conditions):
        print(note)


def _made_of(model: Synthesizer, sampling: Sampling, made: Callable[[Synthesizer], Verb]) -> Verb:
    """The verb of a model that draws as was asked. A value that does not fit is the command line's fault, a model that
    cannot serve is not."""
    try:
        drawing = model.resampled(sampling)
    except BadInput:
        # That a model of another kind is wanted is said first, not that this one has no steps.
        made(model)
        raise
    with _values_at_fault():
        return made(drawing)


@contextmanager
def _values_at_fault() -> Iterator[None]:
    """Inside the block a value that does not fit is the fault of the command line."""
    try:
        yield
    except BadConfig as problem:
        raise WrongArguments(str(problem)) from problem
