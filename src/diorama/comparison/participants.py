"""Who takes part: trained recipes, finished runs, given samples, and what they are all held against."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from diorama.comparison.candidates import Candidate
from diorama.comparison.columns import Column
from diorama.comparison.history import read_history
from diorama.comparison.measurer import Measurer
from diorama.comparison.mixture import fit
from diorama.comparison.options import Progress
from diorama.comparison.pictures import evenly_spaced
from diorama.comparison.ranking import kept_budget
from diorama.comparison.reals import media_beside
from diorama.comparison.seeds import together
from diorama.comparison.words import unique
from diorama.core.contracts import DataInfo, pixels_of
from diorama.core.errors import BadInput
from diorama.evaluation.records import PIXELS, batches
from diorama.recipes import catalog
from diorama.synthesis import store
from diorama.synthesis.base import AS_TRAINED, Sampling, Synthesizer, require_drawing
from diorama.synthesis.conditions import draws_partners
from diorama.synthesis.parts import load_parts
from diorama.synthesis.provenance import DataOrigin, Provenance
from diorama.training.recipe import Recipe
from diorama.training.state import initialised

Columns = Generator[Progress, None, list[Column]]
"""Yields progress, returns columns."""

_MOST_FITTED = 50_000
"""Training records that the mixture is fitted to, at most."""


def trained_columns(candidate: Candidate, runs: Sequence[tuple[Recipe, Path]], measurer: Measurer) -> Columns:
    """What a recipe's trainings became, and beside them what the first started from.

    Args:
        candidate: what was trained.
        runs: each training's recipe, which differ in their seeds, and its run folder.
        measurer: the comparison's.
    """
    options, singles = measurer.options, []
    for recipe, run in runs:
        yield Progress(doing=f"drawing from {run.name} and measuring")
        singles.append(_trained_column(candidate, recipe, run, measurer))
    columns, recipe = [together(singles)], runs[0][0]
    if options.untrained:
        yield Progress(doing=f"measuring {recipe.name} as it was before training")
        untrained = Column(
            name=untrained_name(recipe),
            kind="untrained",
            recipe=candidate.named,
            entry=candidate.entry,
            trained_column=recipe.name,
        )
        columns.append(measurer.measure_model(untrained_model(recipe, measurer.options.catalog), untrained))
    return columns


def _trained_column(candidate: Candidate, recipe: Recipe, run: Path, measurer: Measurer) -> Column:
    """What one training became."""
    options = measurer.options
    model, history = store.load(run, device=measurer.device, catalog=options.catalog), read_history(run)
    column = Column(
        name=recipe.name,
        kind="trained",
        recipe=candidate.named,
        entry=candidate.entry,
        history=history,
        kept_budget=kept_budget(options.budget, recipe, history),
    )
    return measurer.measure_model(model, column)


def untrained_name(recipe: Recipe) -> str:
    """What the column of a recipe's untrained network is called."""
    return f"{recipe.name} untrained"


def untrained_model(recipe: Recipe, catalog: Sequence[object] = ()) -> Synthesizer:
    """What a recipe's training starts from, as a generator.

    Args:
        recipe: with its frozen parts.
        catalog: config classes of a user's own.
    """
    with torch.random.fork_rng(devices=[]):
        method = initialised(recipe, load_parts(recipe.frozen, recipe.method.parts_wanted(), catalog))
    model, tensors = method.synthesizer().build(), method.model_tensors()
    model.load_state_dict({name: tensors[name] for name in model.state_dict()})
    return model.eval().requires_grad_(False)


def given_participants(measurer: Measurer, taken: Sequence[str], models: Sequence[Synthesizer]) -> list[Columns]:
    """Finished runs and other people's samples, each measured once its generator is asked.

    Args:
        measurer: the comparison's; its options name them.
        taken: names that other columns have.
        models: of the finished runs, as :func:`load_given` makes them.
    """
    options, names = measurer.options, list(taken)
    made = [_loaded_columns(measurer, names, run, model) for run, model in zip(options.runs, models, strict=True)]
    return made + [_samples_column(measurer, unique(name, names), path) for name, path in options.samples.items()]


def _loaded_columns(measurer: Measurer, taken: list[str], run: Path, model: Synthesizer) -> Columns:
    """A finished run or model, once with each sampler that is asked for."""
    own, columns = measurer.options.catalog, []
    recipe, history = store.read_provenance(run).recipe_name, read_history(run)
    for sampling in samplers_of(model, measurer.options.samplers):
        how = "" if sampling == AS_TRAINED else f"{sampling.sampler}:{model.resampled(sampling).sampling.steps}"
        name = unique(f"{run.resolve().name} {how}".strip(), taken)
        yield Progress(doing=f"drawing from {name} and measuring")
        column = Column(
            name=name,
            kind="loaded",
            recipe=recipe,
            entry=catalog.find(recipe, own),
            history=history,
            origin=run.resolve().name,
            sampler=how,
        )
        columns.append(measurer.measure_model(model, column, sampling))
    return columns


def samplers_of(model: Synthesizer, asked: Sequence[Sampling]) -> Sequence[Sampling]:
    """With what the model is drawn: what is asked for, or its own where nothing is or where it draws in one pass.

    Raises:
        BadInput: it draws in steps, and not with one of them.
    """
    if not asked or model.drawn_in_steps is None:
        return (AS_TRAINED,)
    for sampling in asked:
        model.resampled(sampling)
    return asked


def load_given(run: Path, info: DataInfo, own: Sequence[object] = ()) -> Synthesizer:
    """The model of a finished run or model folder, on the CPU.

    Args:
        run: the folder.
        info: of the data that it is compared on.
        own: config classes of a user's own.

    Raises:
        BadInput: it cannot be read, draws nothing, or draws what the data do not hold.
    """
    model = store.load(run, catalog=own)
    require_drawing(model, run)
    drawn = model.config.media
    partners = draws_partners(drawn, model.config.conditions)
    reals = media_beside(info) if partners else info.media
    if drawn.shape != reals.shape:
        whose = "what stands beside the records" if partners else "the records"
        raise BadInput(
            f"{run}: draws {drawn.shape}, but {whose} of {info.name} are {reals.shape} (channels, frames of clips, "
            "height, width)"
        )
    return model


def _samples_column(measurer: Measurer, name: str, path: Path) -> Columns:
    """Other people's samples.

    Raises:
        BadInput: they cannot be read, or are fewer or of another size than what is compared.
    """
    yield Progress(doing=f"measuring the samples of {name}")
    return [measurer.measure_samples(name, path)]


def mixture_column(measurer: Measurer, folder: Path) -> Columns:
    """The Gaussian mixture that every network must beat.

    Args:
        measurer: the comparison's.
        folder: the fitted mixture is written there, a model folder like any other.
    """
    yield Progress(doing="fitting the Gaussian mixture")
    info, split = measurer.reals.info, measurer.reals.training
    chosen, size = evenly_spaced(split, _MOST_FITTED), measurer.evaluation.at_once
    # Its sums are in float64, which GPUs of other makers lack.
    device = measurer.device if measurer.device.type == "cuda" else torch.device("cpu")

    def pictures() -> Iterator[Tensor]:
        return (pixels_of(batch).to(device) for batch in batches(split, chosen, size, PIXELS))

    model = fit(pictures, measurer.media, measurer.options.seed)
    fitted_to = DataOrigin(name=info.name, count=len(chosen), sha256=info.sha256)
    provenance = Provenance(recipe="gaussian mixture", data=fitted_to)
    card = f"# Gaussian mixture\n\nFitted to {len(chosen):,} training records of {info.name}.\n"
    store.save(folder, model.config, model.state_dict(), provenance, card)
    return [measurer.measure_model(model, Column(name="mixture", kind="mixture"))]


def held_out_column(measurer: Measurer) -> Columns:
    """Real records that no generator was trained on; nothing where there are too few.

    Args:
        measurer: the comparison's.
    """
    yield Progress(doing="measuring held-out records")
    held_out = measurer.measure_held_out()
    return [] if held_out is None else [held_out]


def numbered(participants: Sequence[Columns]) -> Columns:
    """All of them, one after another, with their places in the progress.

    Args:
        participants: in their order.
    """
    columns: list[Column] = []
    for number, steps in enumerate(participants, 1):
        # Closed with the whole: a training that is left must save its state.
        with closing(steps):
            while True:
                try:
                    step = next(steps)
                except StopIteration as end:
                    columns += end.value
                    break
                yield replace(step, place=(number, len(participants)))
    return columns
