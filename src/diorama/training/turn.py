"""One phase's turn in a step: losses, gradients, the optimizer's step, and whether all of them were finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core.contracts import Batch, Moment
from diorama.core.device import Precision
from diorama.core.errors import TrainingFailed
from diorama.methods.base import Phase
from diorama.nn.differentiation import twice_differentiable
from diorama.nn.half import half_blocks
from diorama.training.updater import Updater

_NEVER = torch.iinfo(torch.int64).max
"""A step that no run reaches."""
_LOSS, _GRADIENT = _WATCHED = ("loss", "gradient")


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """How steps are taken.

    Args:
        batch_size: images of one step over all processes.
        precision: of first-order phases; second-order ones run in full float32, without TF32, since a derivative of
            a derivative keeps too few digits otherwise. Blocks that choose half precision themselves
            (:mod:`diorama.nn.half`) keep it in both, unless the precision is float32.
        check: sees every turn's loss and gradient norm.
        compiled: networks were compiled, which second-order phases must go round.
        recorded: on CUDA devices, the turns of phases that ask for it are recorded and replayed.
    """

    batch_size: int
    precision: Precision
    check: FiniteCheck
    compiled: bool = False
    recorded: bool = False


class Turn:
    """One phase's turn in one step.

    Args:
        phase: whose loss is descended.
        updater: of the player.
        moment: of the step.
        options: precision, and the watch over finiteness.
    """

    def __init__(self, phase: Phase, updater: Updater, moment: Moment, options: StepOptions) -> None:
        self.phase, self.updater, self.moment, self.options = phase, updater, moment, options
        self.names: tuple[str, ...] = (phase.name,)
        """Of the turn's values: the loss, then its scalars; complete once a loss was taken."""

    def prepared(self, micros: Sequence[Batch]) -> Sequence[Batch]:
        """The micro-batches of this process as the phase's loss wants them: for :meth:`launch`, or to be replayed."""
        prepare = self.phase.prepare
        if prepare is None:
            return micros
        with torch.no_grad(), _arithmetic(self.phase, self.options):
            return [prepare(batch) for batch in micros]

    def launch(
        self, micros: Sequence[Batch], watch: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> dict[str, Tensor]:
        """Take the turn, one kernel after another.

        Args:
            micros: the micro-batches of this process, prepared, on the device.
            watch: a context around each half; the recorder's finds what a CUDA graph cannot hold.

        Returns:
            The turn's values by name, means over the micro-batches.
        """
        self.updater.set_rate(self.moment.images)
        with self.updater.thawed():
            with watch():
                values = self.differentiate(micros, overlap=True)
            self.options.check.see_loss(self.phase, self.moment, values[0])
            self.updater.exchange.finish()
            with watch():
                self.update(values)
        return dict(zip(self.names, values.unbind(), strict=True))

    def differentiate(self, micros: Sequence[Batch], *, overlap: bool = False) -> Tensor:
        """The turn's first half: leaves the gradients of all micro-batches, and returns their mean values (n,).

        Args:
            micros: the micro-batches of this process, prepared, on the device.
            overlap: exchange gradients with the other processes while the last backward pass runs.
        """
        sizes = [next(iter(batch.values())).shape[0] for batch in micros]
        means: Tensor | None = None
        for index, batch in enumerate(micros):
            share = sizes[index] / sum(sizes)
            with _arithmetic(self.phase, self.options):
                loss = self.phase.loss(batch, self.moment)
                last = overlap and index == len(micros) - 1
                self.updater.backward(_scaled(loss.value, self.phase.weight * share), last=last)
            self.names = (self.phase.name, *(f"{self.phase.name}/{name}" for name in loss.scalars))
            every = [v.detach().reshape(()).to(loss.value.device).float() for v in (loss.value, *loss.scalars.values())]
            part = _scaled(torch.stack(every), share)
            means = part if means is None else means + part
        assert means is not None
        return means

    def update(self, values: Tensor) -> None:
        """The second half: moves the weights, and notes whether loss and gradient were finite."""
        self.updater.step()
        # In float16 an overflow is the scale's business, not an error.
        norm = None if self.updater.scaler.is_enabled() else self.updater.norm
        self.options.check.see(self.phase, self.moment, values[0], norm)


def _scaled(value: Tensor, factor: float) -> Tensor:
    """The product; nothing is launched for a factor of one."""
    return value if factor == 1 else value * factor


@contextmanager
def _arithmetic(phase: Phase, options: StepOptions) -> Iterator[None]:
    """What a phase's loss and its derivatives are computed in, and by which kernels."""
    own = half_blocks(options.precision.own_half)
    if not phase.second_order:
        with options.precision.autocast(), own:
            yield
        return
    # Compiled graphs cannot be differentiated twice either: compiled networks run as they are.
    plain = torch.compiler.set_stance("force_eager") if options.compiled else nullcontext()
    with options.precision.autocast(False), own, devices.full_float32(), twice_differentiable(), plain:
        yield


class FiniteCheck:
    """Watches losses and gradient norms without waiting for the device at every step.

    On the CPU a non-finite value stops the step before the weights move. Elsewhere the first bad step of each
    phase is kept on the device, and read by :meth:`settle`, which must be called before anything is logged or saved.

    Args:
        device: where losses lie.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._step, self._never = (torch.full((), _NEVER, device=device) for _ in range(2))
        self._first_bad: dict[tuple[str, str], Tensor] = {}
        """By name of the phase and its player: the first steps, (2,), of a bad loss and of a bad gradient."""

    def begin(self, step: int) -> None:
        """Name the step whose turns come next."""
        if devices.runs_ahead(self.device):
            self._step.fill_(step)

    def see_loss(self, phase: Phase, moment: Moment, loss: Tensor) -> None:
        """Stop before the weights move if a loss is not finite, where looking costs nothing."""
        if not devices.runs_ahead(self.device) and not math.isfinite(loss.item()):
            raise _not_finite(_LOSS, phase.name, phase.player, moment.step)

    def see(self, phase: Phase, moment: Moment, loss: Tensor, norm: Tensor | None) -> None:
        """Note a finished turn's mean loss and gradient norm, if that counts."""
        if devices.runs_ahead(self.device):
            self.defer(phase, loss, loss if norm is None else norm)
        elif norm is not None and not math.isfinite(norm.item()):
            raise _not_finite(_GRADIENT, phase.name, phase.player, moment.step)

    def defer(self, phase: Phase, loss: Tensor, norm: Tensor) -> None:
        """Note on the device whether both are finite, for :meth:`settle`; five kernels, which may be recorded."""
        key = (phase.name, phase.player)
        if key not in self._first_bad:
            self._first_bad[key] = self._never.repeat(2)
        seen = torch.stack([loss, norm])
        # The difference of two equal numbers is zero, unless they are infinite or no numbers.
        when = torch.where(seen - seen != 0, self._step, self._never)
        torch.minimum(self._first_bad[key], when, out=self._first_bad[key])

    def settle(self) -> None:
        """Wait for the device and raise what was noted.

        Raises:
            TrainingFailed: with the first bad step, its phase, and what to try.
        """
        if not self._first_bad:
            return
        found = zip(self._first_bad, torch.stack(list(self._first_bad.values())).tolist(), strict=True)
        bad = [(step, what, *key) for key, firsts in found for step, what in zip(firsts, _WATCHED, strict=True)]
        # Of one step the bad loss comes before the bad gradient that follows from it.
        step, what, phase, player = min(bad, key=lambda noted: noted[0])
        if step < _NEVER:
            raise _not_finite(what, phase, player, step)


def _not_finite(what: str, phase: str, player: str, step: int) -> TrainingFailed:
    return TrainingFailed(
        f"step {step}: the {what} of phase {phase!r} is not finite. The states saved before it are untouched. Try a "
        f"lower rate (--optimizers.{player}.rate.peak), clipping (--optimizers.{player}.clip 1), more warm-up "
        f"(--optimizers.{player}.rate.warmup) or --precision fp32, in a new folder"
    )
