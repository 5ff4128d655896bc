"""The story of a run: build, resume, and for every step a tick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from diorama.training.options import TrainOptions
from diorama.training.recipe import Recipe
from diorama.training.ticks import Clock, Report, Tick

__all__ = ["Clock", "Data", "Recipe", "Report", "Tick", "TrainOptions", "train"]

Data = Path | str | Sequence[Path | str | tuple[Path | str, float]]
"""One data set, or several, each alone or with the weight it is drawn with."""


def train(recipe: Recipe, data: Data, out: Path | str, options: TrainOptions | None = None) -> Iterator[Tick]:
    """Train a recipe on data into a run folder, or continue the run that lies there.

    Nothing happens until the first tick is asked for. Closing the iterator, or Ctrl-C, saves the state of the
    last completed step; the same call continues from it.

    Args:
        recipe: what is trained and how.
        data: prepared folders, small raw ones, or the words ``world`` and ``world-video``.
        out: the run folder.
        options: how it is run on this machine.

    Yields:
        A tick before the first step (with notes on what was resumed) and one after every step.

    Raises:
        BadInput: the folder is not a run, belongs to another running process, or cannot be written; the data
            changed since the run began.
        BadConfig: the recipe does not fit the data, or differs from the one that the run began with.
        TrainingFailed: a non-finite loss, or a disk that is full.
        KeyboardInterrupt: after Ctrl-C, once the state is saved.
    """
    yield Tick(step=0, images=0, total=recipe.images)
