"""The one loop of every family, as a generator: logging, previews, metrics and saving are its caller's.

Randomness is a function of (seed, process, step, turn), the data order is addressable by step, and rates are functions
of images seen: a resumed run needs none of them stored and draws what the uninterrupted one draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch, Moment
from diorama.core.seeds import fold
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.training_sets import TrainingData
from diorama.methods.base import Method
from diorama.training.recipe import Recipe
from diorama.training.recording import TurnRecorder
from diorama.training.turn import StepOptions, Turn
from diorama.training.updater import Updater

Batches = Callable[[int], Sequence[Batch]]
"""The micro-batches of this process in a step."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A completed step.

    Args:
        step: completed steps.
        images: seen by all processes together.
        losses: by phase, and under ``phase/scalar`` its scalars: means over this process's micro-batches, detached,
            on the device.
        notes: sentences for people: which phases are not recorded, and why.
    """

    step: int
    images: int
    losses: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()


@contextmanager
def batches_of(
    recipe: Recipe, data: TrainingData, keys: tuple[str, ...] | None, device: torch.device
) -> Iterator[Batches]:
    """The batches of a run, read ahead as long as the context lasts.

    Args:
        recipe: batch size, order and layout.
        data: what is read.
        keys: what a batch holds, as :class:`~diorama.data.loader.LoaderConfig` takes them.
        device: where batches are wanted.
    """
    config = LoaderConfig(
        batch_size=recipe.batch_size,
        micro_batch=recipe.micro_batch,
        seed=recipe.seed,
        rank=distributed.rank(),
        world_size=distributed.world_size(),
        flip=recipe.flip,
        keys=keys,
    )
    with closing(Loader(data.train, config, device)) as loader:
        yield lambda step: [devices.lay_out(batch, channels_last=recipe.channels_last) for batch in loader(step)]


def steps(
    method: Method,
    updaters: Mapping[str, Updater],
    batches: Batches,
    options: StepOptions,
    *,
    start: int,
    stop: int,
    seed: int,
    rank: int = 0,
) -> Iterator[Step]:
    """Train from step ``start`` to ``stop``, yielding after every step.

    Args:
        method: players and phases.
        updaters: one for each player.
        batches: called with the number of completed steps.
        options: batch size, precision, and the watch over finiteness.
        start: completed steps at the beginning.
        stop: completed steps at the end.
        seed: of the run.
        rank: of this process: processes draw different noise.

    Raises:
        TrainingFailed: a loss or gradient that is not finite, at once on the CPU and at the next check elsewhere; a
            turn that was to be recorded and cannot be.
    """
    method.requires_grad_(False)
    device = options.precision.device
    graphs = TurnRecorder() if options.recorded and devices.has_graphs(device) else None
    for step in range(start, stop):
        moment = Moment(step, step * options.batch_size)
        options.check.begin(step)
        losses: dict[str, Tensor] = {}
        phases, micros = method.phases(), batches(step)
        for index, phase in enumerate(phases):
            if step % phase.interval:
                continue
            devices.seed(device, fold(seed, rank, step, index))
            turn = Turn(phase, updaters[phase.player], moment, options)
            ready = turn.prepared(micros)
            losses |= turn.launch(ready) if graphs is None else graphs.take(turn, ready)
        done = Moment(step + 1, (step + 1) * options.batch_size)
        devices.seed(device, fold(seed, rank, step, len(phases)))
        with torch.no_grad():
            method.after_step(done)
        if method.begins_anew(moment, done):
            for updater in updaters.values():
                updater.begin_anew()
        yield Step(step=done.step, images=done.images, losses=losses, notes=graphs.news() if graphs else ())
