"""``diorama train --dry-run``: a run is built and takes a few steps, and nothing is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.durations import clock_words, count_words
from diorama.core.numbers import bytes_words, counted, number_words
from diorama.data.training_sets import TrainingData, left_unread, open_training_data
from diorama.synthesis.parts import load_parts
from diorama.training.folder import RunFolder
from diorama.training.identity import identity
from diorama.training.monitoring import records_for, why_not_measured
from diorama.training.recipe import Recipe, TrainOptions
from diorama.training.state import TrainingState, build
from diorama.training.steps import batches_of, steps
from diorama.training.turn import FiniteCheck, StepOptions

_SECONDS, _STEPS = 5.0, 40
"""How long steps are taken for, and how many at most; the first two are always taken, and the first never counts."""

_SAMPLED_EVERY = 0.01
"""Seconds between looks at the memory of a process."""

Row = tuple[str, str]


def rehearse(recipe: Recipe, data: Sequence[tuple[str, float]], out: Path, options: TrainOptions) -> Iterator[Row]:
    """What a run would be, as names and values; the run folder is looked at and not touched.

    Args:
        recipe: what would be trained.
        data: on what.
        out: the run folder.
        options: as :func:`~diorama.training.run.train` takes them.

    Raises:
        DioramaError: whatever would keep the run from starting.
    """
    recipe = recipe if options.images is None else replace(recipe, images=options.images)
    device = devices.pick(options.device)
    folder = RunFolder(out)
    folder.refuse_foreign()
    opened = open_training_data(list(data))
    parts = load_parts(recipe.frozen, recipe.method.parts_wanted(), options.catalog)
    frozen = {name: part.sha256 for name, part in parts.items()}
    found = identity(recipe, opened, frozen, options)
    changes = folder.changes(found, recipe)
    begun = folder.begun()
    with distributed.session(device):
        state = build(recipe, parts, opened, options, device)
        stop, done = -(-recipe.images // recipe.batch_size), begun.step if begun else 0
        yield "recipe", f"{recipe.name}, seed {recipe.seed}"
        yield "data", f"{opened.info.name}: {opened.info.count:,} records of {opened.info.media.shape}"
        yield from (("leaves out", note) for note in left_unread(opened, state.method.reads(())))
        yield "device", f"{devices.describe(device)}, {str(state.precision.dtype).removeprefix('torch.')}"
        yield from _parameters(state)
        micro = f" in parts of {recipe.micro_batch}" if recipe.micro_batch else ""
        yield "batch", f"{recipe.batch_size}{micro}"
        passes = recipe.images / max(1, opened.info.count)
        yield (
            "length",
            f"{recipe.images:,} images in {stop:,} steps, {passes:,.{int(passes < 100)}f} times through the data",
        )
        trial = take_steps(recipe, opened, state, device)
        yield "memory", trial.memory_in_words(state)
        yield (
            "speed",
            f"{number_words(trial.images_per_second)} images a second, over {counted(trial.counted, 'step')}",
        )
        left = max(0, stop - done) * recipe.batch_size / trial.images_per_second
        within = f"; --time ends it after {clock_words(options.seconds)}" if options.seconds is not None else ""
        yield "time", f"about {clock_words(left)}, previews, measuring and saving apart{within}"
        if begun is not None:
            yield "continues", f"{out}, after step {begun.step:,} ({begun.images:,} images)"
            yield from (("changes", str(change)) for change in changes)
        model = state.method.synthesizer()
        why_not = why_not_measured(recipe.evaluation, model, records_for(opened, model)[1], options.catalog)
        yield "writes", _written(recipe, out, stop * recipe.batch_size, why_not)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a few steps took.

    Args:
        images_per_second: without the first step.
        counted: steps behind that number.
        peak: bytes that were held at most: of the device, or of the process on a CPU.
        device: where.
    """

    images_per_second: float
    counted: int
    peak: int
    device: torch.device

    def memory_in_words(self, state: TrainingState) -> str:
        """The peak, and what of it lies there between steps."""
        of = "the device's" if self.device.type == "cuda" else "the whole process's"
        kept = bytes_words(_kept(state))
        return f"{bytes_words(self.peak)} at most, {of}; {kept} of it are weights, moments and averages"


def take_steps(recipe: Recipe, data: TrainingData, state: TrainingState, device: torch.device) -> Trial:
    """Take a few steps of a run, each of the whole batch; the state moves, and is of no more use.

    Args:
        recipe: of the run.
        data: what is read. What frozen parts compute of every record alike is computed on the way.
        state: freshly built.
        device: where.

    Raises:
        TrainingFailed: a loss is not finite.
    """
    settings = StepOptions(
        batch_size=recipe.batch_size,
        precision=state.precision,
        check=FiniteCheck(device),
        compiled=state.compiled,
        recorded=recipe.compile == "auto",
    )
    keys, began = state.method.reads(()), time.monotonic()
    with ExitStack() as held:
        peak = held.enter_context(_peak_memory(device))
        batches = held.enter_context(batches_of(recipe, data, keys, device))
        marks: list[float] = []
        for _ in steps(state.method, state.updaters, batches, settings, start=0, stop=_STEPS, seed=recipe.seed):
            for average in state.averages.values():
                average.update((len(marks) + 1) * recipe.batch_size, recipe.batch_size)
            settings.check.settle()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            marks.append(time.monotonic())
            if len(marks) >= 2 and marks[-1] - began >= _SECONDS:
                break
    # Later steps are like all that follow; the first wait for kernels, caches and recordings.
    first = len(marks) // 2 if len(marks) > 2 else 0
    timed = len(marks) - 1 - first
    speed = timed * recipe.batch_size / max(marks[-1] - marks[first], 1e-9)
    return Trial(images_per_second=speed, counted=timed, peak=peak[0], device=device)


@contextmanager
def _peak_memory(device: torch.device) -> Iterator[list[int]]:
    """A list whose only number is, once the context has ended, the most bytes that were held in it."""
    peak = [0]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak[0] = torch.cuda.max_memory_allocated(device)
        return
    process, over = psutil.Process(), threading.Event()

    def look() -> None:
        while not over.wait(_SAMPLED_EVERY):
            peak[0] = max(peak[0], process.memory_info().rss)

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield peak
    finally:
        over.set()
        watch.join()
        peak[0] = max(peak[0], process.memory_info().rss)


def _parameters(state: TrainingState) -> Iterator[Row]:
    counts = {
        player: sum(parameter.numel() for parameter in updater.parameters) for player, updater in state.updaters.items()
    }
    named = ", ".join(f"{player} {count_words(count)}" for player, count in counts.items())
    frozen = sum(p.numel() for p in state.method.frozen.parameters())
    used = f"; frozen parts {count_words(frozen)}" if frozen else ""
    yield "parameters", f"{named}{used}"


def _kept(state: TrainingState) -> int:
    """Bytes of weights, moments and averages."""
    tensors = [*state.method.state_dict().values()]
    for updater in state.updaters.values():
        for moments in updater.state_dict()["optimizer"]["state"].values():
            tensors += [value for value in moments.values() if isinstance(value, torch.Tensor)]
    for average in state.averages.values():
        tensors += average.state_dict().values()
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _written(recipe: Recipe, out: Path, images: int, not_measured: str) -> str:
    """What would be in the run folder, with counts."""
    evaluation = recipe.evaluation
    measured = evaluation.samples and not not_measured
    parts = [
        f"{out}: model/",
        f"{counted(recipe.keep, 'resume state')} at a time",
        counted(images // recipe.preview_every if recipe.preview_every else 0, "preview"),
        f"{counted(_until_the_last(images, recipe.log_every), 'report')} in log.jsonl",
    ]
    measurements = f"{counted(_until_the_last(images, evaluation.every), 'measurement')} by {evaluation.metric}"
    reason = f", since {not_measured}" if evaluation.samples else ""
    parts += [measurements if measured else f"no measurement{reason}"]
    return ", ".join(parts)


def _until_the_last(images: int, every: int) -> int:
    """How often something is done that is done after the last step whatever its interval."""
    return -(-images // every) if every else 1
