"""The story of a comparison: train everything under one budget, then measure everything under one protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from diorama.comparison.bench import Bench
from diorama.comparison.columns import Column, Comparison, Neighbours
from diorama.comparison.mixture import fit
from diorama.comparison.nearest import nearest
from diorama.comparison.options import CompareOptions, Progress
from diorama.comparison.pictures import spread, visible
from diorama.comparison.sections import PAIRS
from diorama.comparison.stories import read_story, spent_seconds
from diorama.core import device as devices
from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig, BadInput, TrainingFailed
from diorama.core.files import cache_folder
from diorama.data.dataset import Dataset
from diorama.data.raw import open_any
from diorama.evaluation.catalog.metrics import catalog_with
from diorama.evaluation.records import batches, pixels_of
from diorama.recipes import catalog
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer
from diorama.training.assembly import initialised, length_is_free
from diorama.training.averages import live_tensors
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import Tick, TrainOptions, train

RecipeLike = str | Callable[[DataInfo], Recipe]
"""A recipe's name, ``file.py:function``, or a function that makes one."""

_MOST_SEARCHED = 100_000
_MOST_FITTED = 50_000
_NEVER_ENDING = 10**10
"""Images of a run whose time is what ends it."""

_WORTH_STARTING = 0.02
"""Share of a time budget that must be left before an interrupted training is continued."""

_TOLD_EVERY = 0.5
"""Seconds between two progress values of a training."""


def gather(
    recipes: Sequence[RecipeLike], data: Path | str, out: Path, options: CompareOptions
) -> Generator[Progress, None, Comparison]:
    """Train, draw and measure; what :func:`diorama.comparison.report.write_report` shows.

    Args:
        recipes: what is trained, one after another.
        data: a prepared folder, a small raw one, or ``world`` or ``world-video``.
        out: runs go to ``out/runs``, the fitted mixture to ``out/mixture``.
        options: the budget and the protocol.

    Yields:
        Progress.

    Returns:
        Everything that was learned.

    Raises:
        BadInput: the data, a run or a folder of samples cannot be read; every training failed.
        BadConfig: a recipe does not exist or does not fit the data.
    """
    device = devices.pick(options.device)
    yield Progress(doing="opening the data")
    dataset = open_any(data, cache_folder())
    names, notes = _suited(recipes, device, full_size=options.full_size)
    built = [_built(name, dataset.info) for name in names]
    if not (built or options.runs or options.samples):
        raise BadInput("there is nothing to compare: name recipes, runs or samples")
    _find(options)
    for note in notes:
        yield Progress(doing="choosing recipes", note=note)
    yield Progress(doing=f"measuring {options.split} records of {dataset.info.name}")
    bench = Bench(dataset, options, device, out / "cache")
    columns: list[Column] = []
    for recipe, named in built:
        try:
            yield from _train(recipe, data, out / "runs" / recipe.name, options)
        except TrainingFailed as problem:
            notes.append(f"{recipe.name} is missing: {problem}")
            yield Progress(doing=f"training {recipe.name}", note=notes[-1])
            continue
        columns += yield from _trained_columns(recipe, named, out / "runs" / recipe.name, bench)
    columns += yield from _joined_columns(bench, [c.name for c in columns])
    if not columns:
        raise BadInput("every training failed: " + " ".join(notes))
    columns += yield from _floor_and_ceiling(bench, out)
    if not any(column.kind == "real" for column in columns):
        notes.append(bench.held_out_note())
    yield Progress(doing="looking for the nearest training records")
    found, searched = _neighbours(dataset, columns, show=options.real_images)
    return Comparison(
        data=dataset.info,
        budget=str(options.budget) if built else "",
        device=devices.describe(device),
        columns=tuple(columns),
        neighbours=found,
        real=_real_pictures(bench) if options.real_images else None,
        searched=searched,
        split=options.split,
        notes=tuple(notes),
        catalog=catalog_with(options.catalog),
    )


def _find(options: CompareOptions) -> None:
    """Refuse what is not there before hours of training rather than after."""
    for run in options.runs:
        store.model_folder(run)
    for name, samples in options.samples.items():
        if not samples.exists():
            raise BadInput(f"{samples}: there is no such file or folder, so no samples of {name}")


def _suited(
    recipes: Sequence[RecipeLike], device: torch.device, *, full_size: bool
) -> tuple[list[RecipeLike], list[str]]:
    """The recipes that this machine can train, and a sentence where others than those named were taken."""
    chosen, changed = [], []
    for recipe in recipes:
        entry = catalog.find(recipe) if isinstance(recipe, str) else None
        small = entry.small if entry is not None and device.type == "cpu" and not full_size else None
        if entry is not None and small is not None:
            changed.append(f"{small} for {entry.name}")
        chosen.append(small or recipe)
    if not changed:
        return chosen, []
    return chosen, [f"There is no GPU here, so small recipes were taken: {', '.join(changed)}."]


def _built(recipe: RecipeLike, info: DataInfo) -> tuple[Recipe, str]:
    """The recipe for these data, without measurements in its loop, and what it was called by."""
    function = catalog.resolve(recipe) if isinstance(recipe, str) else recipe
    made = function(info)
    if not isinstance(made, Recipe):
        raise BadConfig(f"{recipe}: must return a Recipe, got {type(made).__name__}")
    # The budget is for training alone, and nobody is picked by the metric that decides: last weights are compared.
    silent = EvaluationConfig(metric=made.evaluation.metric, every=0, samples=0)
    return replace(made, evaluation=silent), recipe if isinstance(recipe, str) else made.name


def _train(recipe: Recipe, data: Path | str, run: Path, options: CompareOptions) -> Generator[Progress, None, None]:
    budget = options.budget
    seconds, images = None, budget.images
    if budget.seconds is not None:
        seconds = budget.seconds - spent_seconds(run)
        images = _NEVER_ENDING if length_is_free(recipe) else None
        if seconds < _WORTH_STARTING * budget.seconds:
            yield Progress(doing=f"training {recipe.name}", note=f"{recipe.name} has spent its budget already")
            return
    asked = TrainOptions(device=options.device, images=images, seconds=seconds, catalog=options.classes)
    yield Progress(doing=f"training {recipe.name}", share=0.0)
    began, told = time.monotonic(), 0.0
    for tick in train(recipe, data, run, asked):
        now = time.monotonic() - began
        if now - told >= _TOLD_EVERY or tick.finished:
            told = now
            share = tick.images / tick.total if seconds is None else now / seconds
            yield Progress(doing=f"training {recipe.name}", share=min(1.0, share), detail=_losses(tick))


def _losses(tick: Tick) -> str:
    parts = [f"{name} {value.item():.3f}" for name, value in tick.losses.items() if "/" not in name]
    return "  ".join([f"{tick.images:,} seen", *parts])


def _trained_columns(recipe: Recipe, named: str, run: Path, bench: Bench) -> Generator[Progress, None, list[Column]]:
    yield Progress(doing=f"drawing from {recipe.name} and measuring")
    model = store.load(run, device=bench.device, catalog=bench.options.classes)
    column = Column(name=recipe.name, kind="trained", recipe=named, story=read_story(run))
    columns = [bench.model(model, column)]
    if bench.options.untrained and not recipe.frozen:
        yield Progress(doing=f"measuring {recipe.name} as it was before training")
        untrained = Column(name=f"{recipe.name} untrained", kind="untrained", recipe=named, of=recipe.name)
        columns.append(bench.model(untrained_self(recipe), untrained))
    return columns


def untrained_self(recipe: Recipe) -> Synthesizer:
    """What a recipe's training starts from, as a generator."""
    with torch.random.fork_rng(devices=[]):
        method = initialised(recipe)
    model = method.synthesizer().build()
    model.load_state_dict(live_tensors(method.averaged()))
    return model.eval().requires_grad_(False)


def _joined_columns(bench: Bench, taken: Sequence[str]) -> Generator[Progress, None, list[Column]]:
    """Finished runs and other people's samples."""
    columns: list[Column] = []
    names = list(taken)
    for run in bench.options.runs:
        yield Progress(doing=f"drawing from {run.name} and measuring")
        name = _unique(run.resolve().name, names)
        model = store.load(run, device=bench.device, catalog=bench.options.classes)
        if model.config.media.shape != bench.media.shape:
            raise BadInput(
                f"{run}: draws {model.config.media.shape}, but the records of {bench.dataset.info.name} are "
                f"{bench.media.shape} (channels, frames of clips, height, width)"
            )
        column = Column(name=name, kind="loaded", recipe=_recipe_of(run), story=read_story(run), origin=run.name)
        columns.append(bench.model(model, column))
    for name, path in bench.options.samples.items():
        yield Progress(doing=f"measuring the samples of {name}")
        columns.append(bench.samples(_unique(name, names), path))
    return columns


def _unique(name: str, taken: list[str]) -> str:
    """A name that no other column has; it is added to those taken."""
    free = next(n for n in (name, *(f"{name} {i}" for i in range(2, len(taken) + 3))) if n not in taken)
    taken.append(free)
    return free


def _recipe_of(run: Path) -> str:
    recipe = store.read_provenance(run).get("recipe", "")
    return str(recipe.get("name", "")) if isinstance(recipe, dict) else str(recipe)


def _floor_and_ceiling(bench: Bench, out: Path) -> Generator[Progress, None, list[Column]]:
    """The Gaussian mixture, and held-out real records where there are enough."""
    yield Progress(doing="fitting the Gaussian mixture")
    train_split = bench.dataset.split("train")
    chosen, size = spread(train_split, _MOST_FITTED), bench.options.batch_size
    model = fit(lambda: map(pixels_of, batches(train_split, chosen, size)), bench.media, bench.options.seed)
    provenance = {"recipe": "gaussian mixture", "data": {"sha256": bench.dataset.info.sha256, "records": len(chosen)}}
    card = f"# Gaussian mixture\n\nFitted to {len(chosen):,} training records of {bench.dataset.info.name}.\n"
    store.save(out / "mixture", model.config, model.state_dict(), provenance, card)
    columns = [bench.model(model, Column(name="mixture", kind="mixture"))]
    yield Progress(doing="measuring held-out records")
    real = bench.held_out()
    return columns if real is None else [*columns, real]


def _neighbours(dataset: Dataset, columns: Sequence[Column], *, show: bool) -> tuple[dict[str, Neighbours], int]:
    split = dataset.split("train")
    chosen = spread(split, _MOST_SEARCHED)
    first = visible(pixels_of(next(batches(split, chosen[:1], 1)))).shape[1:]
    asked = {
        column.name: column.pictures[:PAIRS]
        for column in columns
        if column.pictures is not None and column.kind != "untrained" and column.pictures.shape[1:] == first
    }
    records = (visible(pixels_of(batch)) for batch in batches(split, chosen, 256))
    return nearest(asked, records, show=show), len(chosen)


def _real_pictures(bench: Bench) -> np.ndarray:
    split = bench.dataset.split("train")
    return visible(pixels_of(next(batches(split, spread(split, bench.shown), bench.shown))))
