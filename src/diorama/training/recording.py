"""Whole turns recorded as CUDA graphs and replayed, so that the processor does not hold the GPU up.

A U-Net's training step launches some two thousand kernels, which takes the processor longer than an H100 needs to run
them at the batch sizes of papers. A replayed turn is one launch, and computes what a launched one does, bit for bit:
the recording holds the very kernels of the turn, reads its batch and its learning rate from fixed places, and draws
from the device's generator at the seed that stands there when it is replayed.

Beside the recordings a step launches: the copies of the batch (one for each of its tensors), the step's number, for
each turn the rate where it changes, two for the generator and one that copies the losses out, and what loader and
averages launch themselves.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama.core import distributed
from diorama.core.contracts import Batch
from diorama.core.errors import TrainingFailed
from diorama.training.turn import Turn

_TURNS_BEFORE_RECORDING = 2
"""Turns of a phase before it is recorded: the first warms up, the second is watched."""
_FORMS = 4
"""Recordings of one phase: with batches of ever new shapes there would be no end of them."""

_Form = tuple[tuple[str, torch.Size, torch.dtype], ...]
"""Names, shapes and types of all tensors of a step's micro-batches."""


class TurnRecorder:
    """Takes turns, and replays those of phases that ask for it from their third turn on.

    The first turn is launched and leaves what a recording must not contain: kernels built, convolutions chosen, the
    optimizer's first state. The second is launched under watch: a turn that waits for the device, or draws from the
    processor's generator, cannot be recorded. Recording the third runs nothing, so that no state has to be put back.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, float, _Form], int] = {}
        self._recordings: dict[tuple[str, float, _Form], _Recording] = {}
        self._inputs: dict[tuple[str, _Form], _Inputs] = {}
        self._never_recorded: set[str] = set()
        self._news: list[str] = []
        # All recordings share one pool and may overwrite each other: what outlives a turn is allocated elsewhere.
        self._pool = torch.cuda.graph_pool_handle()

    def news(self) -> tuple[str, ...]:
        """Sentences on what is not recorded and why, each once."""
        told, self._news = tuple(self._news), []
        return told

    def take(self, turn: Turn, micros: Sequence[Batch]) -> dict[str, Tensor]:
        """Take a turn; the same as ``turn.launch(micros)``.

        Args:
            turn: whose phase has prepared its micro-batches.
            micros: the prepared ones, of this process.

        Raises:
            TrainingFailed: the turn was to be recorded and cannot be.
        """
        name = turn.phase.name
        if name not in self._never_recorded and (reason := _why_never(turn)):
            self._launch_always(name, reason)
        if name in self._never_recorded:
            return turn.launch(micros)
        # A phase of the same name and weight has the same loss in every step.
        form = _form(micros)
        key = (name, turn.phase.weight, form)
        if key not in self._recordings:
            count = self._seen[key] = self._seen.get(key, 0) + 1
            if count <= _TURNS_BEFORE_RECORDING:
                return self._launch(turn, micros, watched=count == _TURNS_BEFORE_RECORDING)
        # What a phase prepares for itself is not what others are given, though it have the same form.
        reader = (name if turn.phase.prepare else "", form)
        inputs = self._inputs[reader] = self._inputs.get(reader) or _Inputs(micros)
        inputs.fill(micros, turn.moment.step)
        turn.updater.set_rate(turn.moment.images)
        if key not in self._recordings:
            self._recordings[key] = _Recording(turn, inputs, self._pool)
        return self._recordings[key].replay()

    def _launch(self, turn: Turn, micros: Sequence[Batch], *, watched: bool) -> dict[str, Tensor]:
        """Launch a turn, and find out whether it may be recorded."""
        name = turn.phase.name
        forms = sum(other == name for other, _, _ in self._seen)
        if forms > 1 and not turn.updater.exchange.alone:
            # Some processes would replay while others launch, and their exchanges would not match.
            raise TrainingFailed(f"phase {name!r}: its batches change their shapes; train with --compile off")
        if forms > _FORMS:
            self._launch_always(name, "its batches take ever new shapes")
        if not watched:
            return turn.launch(micros)
        problems: list[str] = []
        values = turn.launch(micros, lambda: _watch(problems))
        if distributed.agree(bool(problems)):
            self._launch_always(name, ", ".join(dict.fromkeys(problems)) or "another process cannot record it")
        return values

    def _launch_always(self, name: str, reason: str) -> None:
        self._never_recorded.add(name)
        self._news.append(f"launches phase {name} kernel by kernel, which is slower than a recording: {reason}")


class _Inputs:
    """A step's micro-batches at fixed places, from which the recordings of all phases that are given them read."""

    def __init__(self, micros: Sequence[Batch]) -> None:
        self.micros = [{name: torch.empty_like(value) for name, value in batch.items()} for batch in micros]
        self._step = -1

    def fill(self, micros: Sequence[Batch], step: int) -> None:
        """Copy a step's micro-batches in, once for all its turns."""
        if step == self._step:
            return
        for places, batch in zip(self.micros, micros, strict=True):
            for name, value in batch.items():
                places[name].copy_(value)
        self._step = step


class _Recording:
    """One turn as a CUDA graph; with several processes as two, between which gradients are exchanged.

    Args:
        turn: that was launched before with batches of the same form.
        inputs: where the recording reads.
        pool: PyTorch's handle on the memory of all recordings.

    Raises:
        TrainingFailed: the turn cannot be recorded.
    """

    def __init__(self, turn: Turn, inputs: _Inputs, pool: Any) -> None:
        self._exchange, alone = turn.updater.exchange, turn.updater.exchange.alone
        first, second = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        # Autograd nodes that a cycle keeps alive belong to the stream of launched turns, which is not recorded.
        gc.collect()
        try:
            with turn.updater.thawed():
                with torch.cuda.graph(first, pool=pool, capture_error_mode="thread_local"):
                    values = turn.differentiate(inputs.micros)
                    if alone:
                        turn.update(values)
                    else:
                        self._exchange.pack()
                if not alone:
                    self._exchange.adopt()
                    with torch.cuda.graph(second, pool=pool, capture_error_mode="thread_local"):
                        turn.update(values)
                turn.updater.optimizer.zero_grad(set_to_none=True)
        except RuntimeError as problem:
            # The end of a broken recording raises anew; what broke it is the context.
            reason = str(problem.__context__ or problem).splitlines()[0]
            raise TrainingFailed(
                f"phase {turn.phase.name!r} says that its turn can be recorded, and it cannot ({reason}). "
                "Train with --compile off"
            ) from problem
        self._graphs = (first,) if alone else (first, second)
        self._names, self._values = turn.names, values

    def replay(self) -> dict[str, Tensor]:
        """Take the turn with the batch and the rate that lie in their places; its values by name."""
        for place, graph in enumerate(self._graphs):
            if place:
                self._exchange.reduce()
            graph.replay()
        # The next replay writes over them, and so may another recording.
        return dict(zip(self._names, self._values.clone().unbind(), strict=True))


def _why_never(turn: Turn) -> str:
    """Why a phase's turns are launched whatever their batches are; empty where they need not be."""
    if not turn.phase.recorded:
        return "it does not ask to be recorded"
    if turn.updater.scaler.is_enabled():
        return "float16 looks at its scale after every turn"
    return ""


def _form(micros: Sequence[Batch]) -> _Form:
    """What must not change between recording and replay."""
    return tuple((f"{i}/{name}", v.shape, v.dtype) for i, batch in enumerate(micros) for name, v in batch.items())


@contextmanager
def _watch(problems: list[str]) -> Iterator[None]:
    """Find out what in the block could not be recorded."""
    before, draws = torch.cuda.get_sync_debug_mode(), _host_generator()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)
    for warning in caught:
        text = str(warning.message)
        if "called a synchronizing CUDA operation" in text:
            problems.append(f"it waits for the device ({Path(warning.filename).name}:{warning.lineno})")
        elif "ynchronization debug mode" not in text:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if not torch.equal(draws, _host_generator()):
        problems.append("it draws from the processor's generator")


def _host_generator() -> Tensor:
    """The state of the processor's generator, whose draws no recording repeats anew."""
    return torch.default_generator.get_state()
