"""The one loop of every family, as a generator: logging, previews, metrics and saving are its caller's.

Randomness is a function of (seed, process, step, turn), the data order is addressable by step, and rates are functions
of images seen: a resumed run needs none of them stored and draws what the uninterrupted one draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import Batch, Moment
from diorama.core.device import Precision
from diorama.core.errors import TrainingFailed
from diorama.core.rng import fold
from diorama.methods.base import Method, Phase
from diorama.nn.differentiation import twice_differentiable
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
    """

    step: int
    images: int
    losses: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """How steps are taken.

    Args:
        batch_size: images of one step over all processes.
        precision: of first-order phases; second-order ones run in full float32, without TF32, since a derivative of
            a derivative keeps too few digits otherwise.
        check: sees every turn's loss and gradient norm.
        compiled: networks were compiled, which second-order phases must go round.
    """

    batch_size: int
    precision: Precision
    check: FiniteCheck
    compiled: bool = False


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
        TrainingFailed: a loss or gradient that is not finite, at once on the CPU and at the next check elsewhere.
    """
    method.requires_grad_(False)
    device = options.precision.device
    for step in range(start, stop):
        moment = Moment(step, step * options.batch_size)
        losses: dict[str, Tensor] = {}
        phases, micros = method.phases(), batches(step)
        for index, phase in enumerate(phases):
            if step % phase.interval == 0:
                devices.seed(device, fold(seed, rank, step, index))
                losses |= _turn(phase, updaters[phase.player], micros, moment, options)
        done = Moment(step + 1, (step + 1) * options.batch_size)
        devices.seed(device, fold(seed, rank, step, len(phases)))
        with torch.no_grad():
            method.after_step(done)
        yield Step(step=done.step, images=done.images, losses=losses)


def _turn(
    phase: Phase, updater: Updater, micros: Sequence[Batch], moment: Moment, options: StepOptions
) -> dict[str, Tensor]:
    """One phase over all micro-batches; its mean loss and scalars."""
    sizes = [next(iter(batch.values())).shape[0] for batch in micros]
    means: dict[str, Tensor] = {}
    with updater.turn(moment.images):
        for index, batch in enumerate(micros):
            share = sizes[index] / sum(sizes)
            with _arithmetic(phase, options):
                loss = phase.loss(batch, moment)
                updater.backward(loss.value * (phase.weight * share), last=index == len(micros) - 1)
            scalars = {f"{phase.name}/{name}": value for name, value in loss.scalars.items()}
            for name, value in {phase.name: loss.value, **scalars}.items():
                part = value.detach().float() * share
                means[name] = means[name] + part if name in means else part
        # Still inside the turn: its end moves the weights.
        options.check.see_loss(phase, moment, means[phase.name])
    options.check.see_norm(phase, moment, updater)
    return means


def _arithmetic(phase: Phase, options: StepOptions) -> AbstractContextManager[object]:
    """What a phase's loss and its derivatives are computed in, and by which kernels."""
    if not phase.second_order:
        return options.precision.autocast()
    exact = ExitStack()
    exact.enter_context(options.precision.autocast(False))
    exact.enter_context(devices.full_float32())
    exact.enter_context(twice_differentiable())
    # Compiled graphs cannot be differentiated twice either: compiled networks run as they are.
    exact.enter_context(torch.compiler.set_stance("force_eager") if options.compiled else nullcontext())
    return exact


class FiniteCheck:
    """Watches losses and gradient norms without waiting for the device at every step.

    On the CPU a non-finite value stops the step before the weights move. Elsewhere the first bad step of each
    phase is kept on the device, and read by :meth:`settle`, which must be called before anything is logged or saved.

    Args:
        device: where losses lie.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._first_bad: dict[tuple[str, str], Tensor] = {}

    def see_loss(self, phase: Phase, moment: Moment, loss: Tensor) -> None:
        """Note a turn's mean loss, before its optimizer steps."""
        self._see(f"the loss of phase {phase.name!r}", phase.player, moment, loss)

    def see_norm(self, phase: Phase, moment: Moment, updater: Updater) -> None:
        """Note a turn's gradient norm; in float16 an overflow is the scale's business, not an error."""
        if not updater.scaler.is_enabled():
            self._see(f"the gradient of phase {phase.name!r}", phase.player, moment, updater.norm)

    def _see(self, what: str, player: str, moment: Moment, value: Tensor) -> None:
        if value.device.type != "cpu":
            self.defer(what, player, moment, value)
        elif not math.isfinite(value.item()):
            raise _not_finite(what, player, moment.step)

    def defer(self, what: str, player: str, moment: Moment, value: Tensor) -> None:
        """Note on the device whether a value is finite, for :meth:`settle`."""
        first = self._first_bad.get((what, player))
        if first is None:
            first = torch.full((), -1, dtype=torch.int64, device=value.device)
        self._first_bad[what, player] = torch.where((first < 0) & ~value.isfinite(), moment.step, first)

    def settle(self) -> None:
        """Wait for the device and raise what was noted.

        Raises:
            TrainingFailed: with the first bad step, its phase, and what to try.
        """
        if not self._first_bad:
            return
        found = zip(self._first_bad, torch.stack(list(self._first_bad.values())).tolist(), strict=True)
        bad = [(step, *key) for key, step in found if step >= 0]
        if bad:
            # A bad loss is noted before the bad gradient that follows from it.
            step, what, player = min(bad, key=lambda noted: noted[0])
            raise _not_finite(what, player, step)


def _not_finite(what: str, player: str, step: int) -> TrainingFailed:
    return TrainingFailed(
        f"step {step}: {what} is not finite. The states saved before it are untouched. Try a lower rate "
        f"(--optimizers.{player}.rate.peak), clipping (--optimizers.{player}.clip 1), more warm-up "
        f"(--optimizers.{player}.rate.warmup) or --precision fp32, in a new folder"
    )
