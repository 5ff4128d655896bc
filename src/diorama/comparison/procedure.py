"""The procedure of a comparison: train everything under one budget, then measure everything under one protocol."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from diorama.comparison.budget import train_within_budget, warm_up
from diorama.comparison.candidates import Candidate, candidates_for
from diorama.comparison.columns import Column, Comparison, Neighbours
from diorama.comparison.measurer import COUNTS, Measurer
from diorama.comparison.nearest import nearest
from diorama.comparison.options import CompareOptions, Progress
from diorama.comparison.participants import (
    Columns,
    given_participants,
    held_out_column,
    load_given,
    mixture_column,
    numbered,
    samplers_of,
    trained_columns,
    untrained_name,
)
from diorama.comparison.people import require_any, with_people
from diorama.comparison.pictures import evenly_spaced
from diorama.comparison.reals import all_draw_partners, media_beside, one_of_each
from diorama.comparison.sections import PAIRS
from diorama.comparison.seeds import run_name, seeded
from diorama.core import device as devices
from diorama.core.contracts import DataInfo, MediaSpec, pixels_of
from diorama.core.errors import BadInput, TrainingFailed
from diorama.core.files import cache_folder
from diorama.data.raw import open_any
from diorama.evaluation.catalog.metrics import catalog_with
from diorama.evaluation.people.scores import Judged, judged
from diorama.evaluation.records import PIXELS, batches
from diorama.evaluation.samples import SampleFolder
from diorama.evaluation.subjects import look_first
from diorama.media.convert import displayable
from diorama.recipes.start import RecipeLike
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.parts import require_folders
from diorama.training.recipe import Recipe

_MOST_SEARCHED = 100_000
"""Training records among which the nearest are looked for, at most."""

_SEARCHED_AT_A_TIME = 256


def train_and_measure(
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
    device, began = devices.pick(options.device), datetime.now().astimezone()
    times = f"{options.seeds} times " if options.seeds > 1 else ""
    told = f"each recipe trains {times}for {options.budget}" if recipes else ""
    yield Progress(doing="opening the data", note=told)
    dataset = open_any(data, cache_folder())
    if not (recipes or options.runs or options.samples):
        raise BadInput("there is nothing to compare: name recipes, runs or samples")
    candidates, notes = candidates_for(recipes, dataset.info, device, options)
    people = _people(candidates, options)
    given = _checked_given(options, dataset.info)
    partners = all_draw_partners(candidates, given)
    most = one_of_each(dataset, candidates, given, options.split)
    if most is not None and most < (options.count or COUNTS["image"]):
        notes.append(f"{most:,} samples of each generator: some draw without noise, and one of each picture given.")
        options = replace(options, count=most)
    _check_samples(options, media_beside(dataset.info) if partners else dataset.info.media)
    for note in notes:
        yield Progress(doing="choosing recipes", note=note)
    yield Progress(doing=f"measuring {options.split} records of {dataset.info.name}")
    measurer = Measurer(dataset, options, device, out / "cache", partners=partners)
    participants = [_trained(each, data, out, measurer, notes) for each in candidates]
    taken = [name for each in candidates for name in (each.recipe.name, untrained_name(each.recipe))]
    participants += given_participants(measurer, taken, given)
    # Each is let go once it has been measured, so that a device holds one at a time.
    del given
    participants += [mixture_column(measurer, out / "mixture"), held_out_column(measurer)]
    columns = yield from numbered(participants)
    if not any(column.traits.competes for column in columns):
        raise BadInput("every training failed: " + " ".join(notes))
    if all(column.traits.synthetic for column in columns):
        notes.append(measurer.why_none_held_out())
    yield Progress(doing="looking for the nearest training records")
    found, searched = _neighbours(measurer, columns, show=options.real_images)
    for note in measurer.notes:
        yield Progress(doing="comparing", note=note)
    notes += measurer.notes
    comparison = Comparison(
        data=measurer.reals.info,
        budget=str(options.budget) if candidates else "",
        device=devices.describe(device),
        columns=tuple(columns),
        neighbours=found,
        real=_real_pictures(measurer) if options.real_images else None,
        searched=searched,
        split=options.split,
        reference=measurer.reference.stamp.count,
        began=began.isoformat(timespec="seconds"),
        command=options.command,
        notes=tuple(notes),
        catalog=catalog_with(options.catalog),
    )
    return comparison if people is None else with_people(comparison, people)


def _people(candidates: Sequence[Candidate], options: CompareOptions) -> Judged | None:
    """What people said in a study; one that knows none of the generators is refused before hours of training."""
    if options.study is None:
        return None
    people = judged(options.study)
    # Runs drawn with several samplers get names that are made later.
    if not options.samplers:
        titles = [each.entry.title for each in candidates if each.entry is not None]
        names = [each.recipe.name for each in candidates] + titles + [run.name for run in options.runs]
        require_any(people, options.study, [*names, *options.samples])
    return people


def _trained(candidate: Candidate, data: Path | str, out: Path, measurer: Measurer, notes: list[str]) -> Columns:
    """Train a recipe from each seed and measure what came of it; where a training fails a note says so, and the others
    go on."""
    done: list[tuple[Recipe, Path]] = []
    cold = measurer.device.type == "cuda"
    for place, recipe in enumerate(seeded(candidate.recipe, measurer.options.seeds)):
        run = out / "runs" / run_name(recipe, place)
        try:
            if cold:
                cold = not (yield from warm_up(recipe, data, run, measurer.options))
            yield from train_within_budget(recipe, data, run, measurer.options)
        except TrainingFailed as problem:
            notes.append(f"{run.name} is missing: {problem}")
            yield Progress(doing=f"training {run.name}", note=notes[-1])
        else:
            done.append((recipe, run))
    return (yield from trained_columns(candidate, done, measurer)) if done else []


def _checked_given(options: CompareOptions, info: DataInfo) -> list[Synthesizer]:
    """The models of the given runs, on the CPU.

    What is not there, or cannot be held against the data, is refused before hours of training rather than after.
    """
    models = []
    for run in options.runs:
        model = load_given(run, info, options.catalog)
        models.append(model)
        try:
            samplers_of(model, options.samplers)
        except BadInput as problem:
            raise type(problem)(f"{run}: {problem}") from problem
    require_folders(options.frozen)
    return models


def _check_samples(options: CompareOptions, media: MediaSpec) -> None:
    """Refuse given samples that cannot be held against what is compared, before hours of training."""
    for name, samples in options.samples.items():
        if not samples.exists():
            raise BadInput(f"{samples}: there is no such file or folder, so no samples of {name}")
        look_first(SampleFolder(samples, media, count=options.count or COUNTS[media.kind]))


def _neighbours(measurer: Measurer, columns: Sequence[Column], *, show: bool) -> tuple[dict[str, Neighbours], int]:
    """The training records nearest to each column's first samples, and among how many they were looked for."""
    split = measurer.reals.training
    chosen = evenly_spaced(split, _MOST_SEARCHED)
    # Given samples of another size than the records cannot be held against them pixel by pixel.
    shape = displayable(pixels_of(next(batches(split, chosen[:1], 1, PIXELS)))).shape[1:]
    asked = {
        column.name: column.pictures[:PAIRS]
        for column in columns
        if column.pictures is not None and column.traits.shown and column.pictures.shape[1:] == shape
    }
    records = (displayable(pixels_of(batch)) for batch in batches(split, chosen, _SEARCHED_AT_A_TIME, PIXELS))
    return nearest(asked, records, show=show), len(chosen)


def _real_pictures(measurer: Measurer) -> np.ndarray:
    """Training records for the gallery, as many as are kept of every generator."""
    split = measurer.reals.training
    return displayable(pixels_of(split.read(evenly_spaced(split, measurer.kept), PIXELS)))
