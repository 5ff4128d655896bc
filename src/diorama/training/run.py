"""The story of a run: build, resume, and for every step a tick."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import torch

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.config import encode
from diorama.core.contracts import Batch
from diorama.core.files import sha256_of
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.training_sets import Data, TrainingData, open_training_data
from diorama.training import placement, soundness
from diorama.training.assembly import Parts, assemble, length_is_free, with_images
from diorama.training.board import board
from diorama.training.card import Origin
from diorama.training.chronicle import Chronicle
from diorama.training.folder import RunFolder
from diorama.training.interrupt import listening
from diorama.training.options import TrainOptions
from diorama.training.pace import Pace
from diorama.training.recipe import Recipe
from diorama.training.start import weights_of
from diorama.training.steps import StepOptions, steps
from diorama.training.ticks import Clock, Report, Tick

__all__ = ["Clock", "Data", "Recipe", "Report", "Tick", "TrainOptions", "train"]


def train(recipe: Recipe, data: Data, out: Path | str, options: TrainOptions | None = None) -> Iterator[Tick]:
    """Train a recipe on data into a run folder, or continue the run that lies there.

    Nothing happens until the first tick is asked for. Closing the iterator, or Ctrl-C, saves the state of the
    last completed step; the same call continues from it. PyTorch's global generators are seeded anew at every turn.

    Args:
        recipe: what is trained and how.
        data: prepared folders, small raw ones, or the words ``world`` and ``world-video``.
        out: the run folder.
        options: how it is run on this machine.

    Yields:
        A tick before the first step (with notes on what was resumed) and one after every step.

    Raises:
        BadInput: the folder is not a run, belongs to another running process, or cannot be written; the data or a
            model to start from cannot be read.
        BadConfig: the recipe does not fit the data, or differs from the one that the run began with.
        TrainingFailed: a non-finite loss, or a disk that is full.
        KeyboardInterrupt: after Ctrl-C, once the state is saved and a last tick has said so.
    """
    began, options = time.monotonic(), options or TrainOptions()
    recipe = with_images(recipe, options.images)
    device = _device(options.device)
    folder = RunFolder(Path(out))
    with ExitStack() as held:
        held.enter_context(distributed.session(device))
        if distributed.is_first():
            held.enter_context(folder.claim())
        feed = _open_in_turn(data)
        if distributed.is_first():
            folder.begin(_identity(recipe, feed, options), may_grow=length_is_free(recipe))
        parts = assemble(recipe, feed, options, device)
        pace = Pace(device, began)
        origin = _origin(recipe, feed, parts, options, pace)
        chronicle = Chronicle(recipe, feed, folder, parts, pace, origin)
        notes = chronicle.resume()
        yield chronicle.opening(notes)
        wanted = options.tensorboard and distributed.is_first()
        show = held.enter_context(board(folder.path, chronicle.images)) if wanted else None
        yield from _walk(chronicle, feed, options, show)


def _walk(
    chronicle: Chronicle, feed: TrainingData, options: TrainOptions, show: Callable[[Tick], None] | None
) -> Iterator[Tick]:
    """The steps that are left, each with its tick."""
    recipe, parts = chronicle.recipe, chronicle.parts
    if parts.step >= chronicle.stop:
        yield chronicle.closing()
        return
    settings = StepOptions(
        batch_size=recipe.batch_size, precision=parts.precision, check=chronicle.check, compiled=parts.compiled
    )
    span = {"start": parts.step, "stop": chronicle.stop, "seed": recipe.seed, "rank": distributed.rank()}
    with closing(_loader(recipe, feed, parts)) as loader, listening() as heard:
        chronicle.pace.start()

        def batches(step: int) -> list[Batch]:
            return [placement.lay_out(batch, channels_last=recipe.channels_last) for batch in loader(step)]

        for step in steps(parts.method, parts.updaters, batches, settings, **span):
            over = options.seconds is not None and chronicle.pace.session_seconds() >= options.seconds
            interrupted, ending = distributed.agree(heard.asked), distributed.agree(over or heard.asked)
            tick = chronicle.after(step, ending=ending)
            if show:
                show(tick)
            try:
                yield tick
            except (GeneratorExit, KeyboardInterrupt):
                chronicle.save()
                raise
            if interrupted and not tick.finished:
                raise KeyboardInterrupt
            if ending:
                return


def _loader(recipe: Recipe, feed: TrainingData, parts: Parts) -> Loader:
    config = LoaderConfig(
        batch_size=recipe.batch_size,
        micro_batch=recipe.micro_batch,
        seed=recipe.seed,
        rank=distributed.rank(),
        world_size=distributed.world_size(),
        flip=recipe.flip,
    )
    return Loader(feed.train, config, parts.precision.device)


def _device(name: str) -> torch.device:
    """The named device; of several CUDA devices, the one of this process's place on its machine."""
    device = devices.pick(name)
    if device.type == "cuda" and distributed.launched():
        device = torch.device("cuda", distributed.local_rank())
        torch.cuda.set_device(device)
    return device


def _open_in_turn(data: Data) -> TrainingData:
    """Open the data, the first process before the others, which then find its cache."""
    if distributed.is_first():
        feed = open_training_data(data)
        distributed.barrier()
        return feed
    distributed.barrier()
    return open_training_data(data)


def _identity(recipe: Recipe, feed: TrainingData, options: TrainOptions) -> dict[str, Any]:
    """What must not change while a run is continued."""
    return {
        "recipe": encode(recipe),
        "data": {"name": feed.info.name, "count": feed.info.count, "sha256": feed.info.sha256},
        "start_from": sha256_of(weights_of(options.start_from)) if options.start_from else None,
    }


def _origin(recipe: Recipe, feed: TrainingData, parts: Parts, options: TrainOptions, pace: Pace) -> Origin:
    return Origin(
        recipe=recipe,
        data=feed.info,
        frozen=parts.frozen,
        start_from=sha256_of(weights_of(options.start_from)) if options.start_from else None,
        device=devices.describe(parts.precision.device),
        processes=distributed.world_size(),
        energy=pace.meter.source,
        own=soundness.own_kinds(parts.method.synthesizer(), options.catalog),
    )
