"""What the commands share that walk in the latent space of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import Files, WrongArguments, arguments_at_fault, sampling_asked, shown_as
from diorama.core.errors import BadConfig
from diorama.core.user_files import catalog_of

if TYPE_CHECKING:
    from diorama.media.stamp import SyntheticStamp
    from diorama.synthesis.base import Sampling, Synthesizer
    from diorama.synthesis.conditions import SampleConditions
    from diorama.tasks.latents import Sample


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """What stands first among the options.

    Args:
        model: a model folder or a run.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]


@dataclass(frozen=True, kw_only=True)
class LatentArguments(ModelInput):
    """The options that all these commands have.

    Args:
        label: a class by name (or by number, where no class name is one), or all for the classes in turn, one for each
            sample.
        psi: truncation of a GAN, as `diorama sample` takes it.
        cutoff: how many layers of a StyleGAN that is for, the coarsest first, in place of all.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    label: Annotated[str | None, shown_as("CLASS", "left to the model")] = None
    psi: Annotated[float | None, shown_as("PSI", "no truncation")] = None
    cutoff: Annotated[int | None, shown_as("N")] = None
    device: str = "auto"
    with_files: Files = ()


def samples_asked(option: str, words: Sequence[str]) -> tuple[Sample, ...]:
    """The samples that an option names.

    Raises:
        WrongArguments: a word names none.
    """
    from diorama.tasks.latents import samples_named

    try:
        return samples_named(words)
    except BadConfig as problem:
        raise WrongArguments(f"--{option}: {problem}") from problem


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A model that is ready to be walked in.

    Args:
        model: draws as was asked.
        conditions: what its samples are given.
        sha256: the model's hash.
        recipe: its recipe, or nothing.
    """

    model: Synthesizer
    conditions: SampleConditions
    sha256: str
    recipe: str

    def stamp(self, seed: int, *, composite: bool = False) -> SyntheticStamp:
        """The mark of what it draws.

        Args:
            seed: of the first sample.
            composite: given pictures are edited.
        """
        from diorama.media.stamp import SyntheticStamp

        how = asdict(self.model.sampling)
        return SyntheticStamp(model=self.sha256, seed=seed, recipe=self.recipe, composite=composite, **how)


def gan_sampling(arguments: LatentArguments) -> Sampling:
    """What ``--psi`` and ``--cutoff`` ask for."""
    return sampling_asked(None, None, None, psi=arguments.psi, cutoff=arguments.cutoff)


def opened(arguments: LatentArguments, sampling: Sampling, prompts: tuple[str, ...] = ()) -> Opened:
    """Load the model.

    Args:
        arguments: of the command.
        sampling: how it is to draw.
        prompts: texts that it is given.
    """
    catalog = catalog_of(arguments.with_files)

    from diorama.core.device import pick
    from diorama.synthesis.given import Given, conditions_for
    from diorama.synthesis.store import load, model_hash, read_provenance

    with arguments_at_fault():
        device = pick(arguments.device)
    try:
        given = Given(label=arguments.label, prompts=prompts)
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    model = load(arguments.model, device=device, catalog=catalog).resampled(sampling)
    return Opened(
        model=model,
        conditions=conditions_for(model, given),
        sha256=model_hash(arguments.model),
        recipe=read_provenance(arguments.model).recipe_name or "",
    )
