"""Who takes part: trained recipes, finished runs, given samples, and what they are all held against."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import torch

from diorama.comparison.candidates import Candidate
from diorama.comparison.columns import Column
from diorama.comparison.history import read_history
from diorama.comparison.measurer import Measurer
from diorama.comparison.mixture import fit
from diorama.comparison.options import Progress
from diorama.comparison.pictures import evenly_spaced
from diorama.core.contracts import pixels_of
from diorama.core.errors import BadInput
from diorama.evaluation.records import PIXELS, batches
from diorama.recipes import catalog
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.parts import load_parts
from diorama.synthesis.provenance import DataOrigin, Provenance
from diorama.training.recipe import Recipe
from diorama.training.state import initialised

Columns = Generator[Progress, None, list[Column]]
"""Yields progress, returns columns."""

_MOST_FITTED = 50_000
"""Training records that the mixture is fitted to, at most."""


def trained_columns(candidate: Candidate, run: Path, measurer: Measurer) -> Columns:
    """What a recipe's training became, and beside it what it started from.

    Args:
        candidate: what was trained.
        run: its run folder.
        measurer: the comparison's.
    """
    recipe, options = candidate.recipe, measurer.options
    yield Progress(doing=f"drawing from {recipe.name} and measuring")
    model = store.load(run, device=measurer.device, catalog=options.catalog)
    column = Column(
        name=recipe.name, kind="trained", recipe=candidate.named, entry=candidate.entry, history=read_history(run)
    )
    columns = [measurer.measure_model(model, column)]
    if options.untrained:
        yield Progress(doing=f"measuring {recipe.name} as it was before training")
        untrained = Column(
            name=f"{recipe.name} untrained",
            kind="untrained",
            recipe=candidate.named,
            entry=candidate.entry,
            trained_column=recipe.name,
        )
        columns.append(measurer.measure_model(untrained_model(recipe, measurer.options.catalog), untrained))
    return columns


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


def given_columns(measurer: Measurer, taken: Sequence[str]) -> Columns:
    """Finished runs and other people's samples.

    Args:
        measurer: the comparison's; its options name them.
        taken: names that columns have already.

    Raises:
        BadInput: a run or samples cannot be read, or are of another size than the data.
    """
    options, names = measurer.options, list(taken)
    columns: list[Column] = []
    for run in options.runs:
        yield Progress(doing=f"drawing from {run.name} and measuring")
        model = store.load(run, device=measurer.device, catalog=options.catalog)
        if model.config.media.shape != measurer.media.shape:
            raise BadInput(
                f"{run}: draws {model.config.media.shape}, but the records of {measurer.dataset.info.name} are "
                f"{measurer.media.shape} (channels, frames of clips, height, width)"
            )
        recipe = store.read_provenance(run).recipe_name
        column = Column(
            name=_unique(run.resolve().name, names),
            kind="loaded",
            recipe=recipe,
            entry=catalog.find(recipe, options.catalog),
            history=read_history(run),
            origin=run.name,
        )
        columns.append(measurer.measure_model(model, column))
    for name, path in options.samples.items():
        yield Progress(doing=f"measuring the samples of {name}")
        columns.append(measurer.measure_samples(_unique(name, names), path))
    return columns


def _unique(name: str, taken: list[str]) -> str:
    """A name that no other column has; it is added to those taken."""
    free = next(n for n in (name, *(f"{name} {i}" for i in range(2, len(taken) + 3))) if n not in taken)
    taken.append(free)
    return free


def mixture_column(measurer: Measurer, folder: Path) -> Columns:
    """The Gaussian mixture that every network must beat.

    Args:
        measurer: the comparison's.
        folder: the fitted mixture is written there, a model folder like any other.
    """
    yield Progress(doing="fitting the Gaussian mixture")
    info, split = measurer.dataset.info, measurer.dataset.split("train")
    chosen, size = evenly_spaced(split, _MOST_FITTED), measurer.evaluation.at_once
    model = fit(lambda: map(pixels_of, batches(split, chosen, size, PIXELS)), measurer.media, measurer.options.seed)
    fitted_to = DataOrigin(name=info.name, count=len(chosen), sha256=info.sha256)
    provenance = Provenance(recipe="gaussian mixture", data=fitted_to)
    card = f"# Gaussian mixture\n\nFitted to {len(chosen):,} training records of {info.name}.\n"
    store.save(folder, model.config, model.state_dict(), provenance, card)
    return [measurer.measure_model(model, Column(name="mixture", kind="mixture"))]
