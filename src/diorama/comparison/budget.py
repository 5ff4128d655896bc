"""One training of a comparison, within its budget."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from diorama.comparison.history import spent_seconds
from diorama.comparison.options import CompareOptions, Progress
from diorama.core.errors import TrainingFailed
from diorama.training.recipe import Recipe, length_is_free
from diorama.training.run import Tick, TrainOptions, train

_ENDLESS = 10**10
"""Images of a run whose time is what ends it."""

_WORTH_CONTINUING = 0.02
"""Share of a time budget that must be left before an interrupted training is continued."""

_SECONDS_BETWEEN_PROGRESS = 0.5

_WARM_STEPS = 4
"""Steps after which turns are recorded, where they are."""


def train_within_budget(
    recipe: Recipe, data: Path | str, run: Path, options: CompareOptions
) -> Generator[Progress, None, None]:
    """Train, or continue what was interrupted, until the budget is spent.

    Args:
        recipe: what is trained.
        data: as :func:`~diorama.training.run.train` takes them.
        run: the run folder.
        options: the comparison's.

    Raises:
        TrainingFailed: the training cannot go on.
    """
    budget = options.budget
    seconds, images = None, budget.images
    if budget.seconds is not None:
        seconds = budget.seconds - spent_seconds(run)
        # Where the rate depends on the run's length, the recipe's own length must stay and time ends it before.
        images = _ENDLESS if length_is_free(recipe) else None
        if seconds < _WORTH_CONTINUING * budget.seconds:
            yield Progress(doing=f"training {run.name}", note=f"{run.name} has spent its budget already")
            return
    asked = TrainOptions(
        device=options.device, images=images, seconds=seconds, preview_at_stop=False, catalog=options.catalog
    )
    yield Progress(doing=f"training {run.name}", share=0.0)
    began, last_progress = time.monotonic(), 0.0
    for tick in train(recipe, data, run, asked):
        now = time.monotonic() - began
        if now - last_progress >= _SECONDS_BETWEEN_PROGRESS or tick.finished:
            last_progress = now
            share = tick.images / tick.total if seconds is None else now / seconds
            yield Progress(doing=f"training {run.name}", share=min(1.0, share), detail=_losses(tick))


def warm_up(recipe: Recipe, data: Path | str, run: Path, options: CompareOptions) -> Generator[Progress, None, bool]:
    """Take a few steps of a training that is thrown away, so that its time budget goes into training.

    What a process does at its first steps on a GPU (kernels are loaded and chosen) can take half a minute, which the
    first of several trainings would pay for all. Nothing is done where the budget counts images, or is spent. Steps
    that fail here are not told: the training that follows fails in the same way, and says so.

    Args:
        recipe: what is trained next.
        data: as :func:`~diorama.training.run.train` takes them.
        run: the folder of that training, in which nothing is written.
        options: the comparison's.

    Returns:
        Whether the steps were taken.
    """
    budget = options.budget
    if budget.seconds is None or spent_seconds(run) > (1 - _WORTH_CONTINUING) * budget.seconds:
        return False
    doing = f"warming up {recipe.name}"
    yield Progress(doing=doing)
    asked = TrainOptions(device=options.device, preview_at_stop=False, catalog=options.catalog)
    # Of a length at which nothing is due after so few steps.
    endless = replace(recipe, images=_ENDLESS) if length_is_free(recipe) else recipe
    with (
        suppress(TrainingFailed),
        tempfile.TemporaryDirectory() as scratch,
        closing(train(endless, data, Path(scratch) / "run", asked)) as ticks,
    ):
        for tick in ticks:
            if tick.computed is not None:
                yield Progress(doing=doing, share=tick.computed.done / tick.computed.total)
            if tick.step >= _WARM_STEPS or tick.finished:
                break
        return True
    return False


def _losses(tick: Tick) -> str:
    """Images seen and each phase's loss; further scalars of a phase (``phase/scalar``) have no room in the line."""
    parts = [f"{name} {value.item():.3f}" for name, value in tick.losses.items() if "/" not in name]
    return "  ".join([f"{tick.images:,} seen", *parts])
