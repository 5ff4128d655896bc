"""What the commands that edit pictures share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from diorama.cli.arguments import WrongArguments, arguments_at_fault, sampling_asked
from diorama.cli.progress import display
from diorama.core.errors import BadConfig, BadInput
from diorama.core.user_files import catalog_of
from diorama.media.formats import SampleFormat

if TYPE_CHECKING:
    from diorama.synthesis.base import Sampling, Synthesizer
    from diorama.synthesis.samples import SampleProgress
    from diorama.tasks.edit import Edit, EditOptions
    from diorama.tasks.examine import Examination


Verb = TypeVar("Verb", "Edit", "Examination")


class EditArguments(Protocol):
    """The options that all of them have."""

    @property
    def model(self) -> Path: ...
    @property
    def input(self) -> Path: ...
    @property
    def out(self) -> Path: ...
    @property
    def count(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def label(self) -> str | None: ...
    @property
    def prompt(self) -> tuple[str, ...]: ...
    @property
    def sampler(self) -> str | None: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def guidance(self) -> float | None: ...
    @property
    def guidance_kind(self) -> str | None: ...
    @property
    def format(self) -> SampleFormat | None: ...
    @property
    def batch_size(self) -> int | None: ...
    @property
    def device(self) -> str: ...
    @property
    def guide(self) -> Path | None: ...
    @property
    def with_files(self) -> tuple[Path, ...]: ...


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
        from diorama.synthesis.guided import guided_by, require_guidance

        model = guided_by(model, load(arguments.guide, device=device, catalog=catalog))
        with arguments_at_fault():
            require_guidance(model, sampling)
    verb = _made_of(model, sampling, made)
    recipe = read_provenance(arguments.model).recipe_name or ""
    with arguments_at_fault():
        options = replace(options, conditions=conditions_for(model, given), recipe=recipe)
    done = 0
    with _values_at_fault(), display() as shown:
        doing = f"{verb.verb}: {arguments.input}"
        shown.update(doing)
        for step in walked(verb, model_hash(arguments.model), options):
            shown.update(doing, step.done / step.count, f"{step.done:,} of {step.count:,}")
            done = step.done
    print(f"{done:,} {'picture' if done == 1 else 'pictures'} in {arguments.out}")


def _made_of(model: Synthesizer, sampling: Sampling, made: Callable[[Synthesizer], Verb]) -> Verb:
    """The verb of a model that draws as was asked. A value that does not fit is the command line's fault, a model that
    cannot serve is not."""
    try:
        drawing = model.resampled(sampling)
    except BadInput as problem:
        # That a model of another kind is wanted is said first, not that this one has no steps.
        made(model)
        raise WrongArguments(str(problem)) from problem
    with _values_at_fault():
        return made(drawing)


@contextmanager
def _values_at_fault() -> Iterator[None]:
    """Inside the block a value that does not fit is the fault of the command line."""
    try:
        yield
    except BadConfig as problem:
        raise WrongArguments(str(problem)) from problem
