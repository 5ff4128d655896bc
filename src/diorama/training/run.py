"""The story of a run, top to bottom: build it or continue it, then step by step report, preview, measure and save."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.errors import TrainingFailed
from diorama.core.files import cache_folder
from diorama.core.interrupt import listening
from diorama.data.computed_sides import Computed, SideCache
from diorama.data.training_sets import Data, TrainingData, left_unread, open_training_data
from diorama.methods.adversarial.collapse import Alarms
from diorama.synthesis import store
from diorama.synthesis.parts import load_parts
from diorama.training.card import Origin, Progress, card, provenance
from diorama.training.folder import INTACT, METRIC, REPORT, STOPPED, RunFolder, writing
from diorama.training.identity import Change, identity, previews_by
from diorama.training.monitoring import Evaluator, ModelView, records_for, why_not_measured, write_preview
from diorama.training.recipe import Recipe, TrainOptions, unreached
from diorama.training.state import Best, TrainingState, build
from diorama.training.steps import Step, batches_of, steps
from diorama.training.ticks import Clock, Report, RunClock, Tick, dashboards, require_dashboards
from diorama.training.turn import FiniteCheck

__all__ = ["Clock", "Data", "Recipe", "Report", "Tick", "TrainOptions", "train"]


def train(
    recipe: Recipe, data: Data, out: Path | str, options: TrainOptions | None = None
) -> Generator[Tick, None, None]:
    """Train a recipe on data into a run folder, or continue the run that lies there.

    Nothing happens until the first tick is asked for. Closing the iterator, or Ctrl-C, saves the state of the
    last completed step; the same call continues from it. PyTorch's global generators are seeded anew at every turn.

    Args:
        recipe: what is trained and how.
        data: prepared folders, small raw ones, or the words ``world`` and ``world-video``.
        out: the run folder.
        options: how it is run on this machine.

    Yields:
        A tick before the first step (with notes on what was resumed), where the recipe says ``precompute`` others that
        say how far that is, and one after every step.

    Raises:
        BadInput: the folder is not a run, belongs to another running process, or cannot be written; the data, a
            frozen part or a model to start from cannot be read.
        BadConfig: the recipe does not fit the data, or differs from the one that the run began with.
        TrainingFailed: a non-finite loss, or a disk that is full.
        KeyboardInterrupt: after Ctrl-C, once the state is saved and a last tick has said so.
    """
    began, options = time.monotonic(), options or TrainOptions()
    if options.images is not None:
        recipe = replace(recipe, images=options.images)
    require_dashboards(options)
    device = distributed.own_device(devices.pick(options.device))
    folder = RunFolder(Path(out))
    with ExitStack() as held:
        held.enter_context(distributed.session(device))
        if distributed.is_first():
            held.enter_context(folder.claim())
        opened = distributed.first_before_others(lambda: open_training_data(data))
        # Loaded first: the method is built with these parts, and a continued run must not change their hashes.
        parts = load_parts(recipe.frozen, recipe.method.parts_wanted(), options.catalog)
        frozen = {name: part.sha256 for name, part in parts.items()}
        known = folder.begin(identity(recipe, opened, frozen, options), recipe)
        with known if distributed.is_first() else nullcontext(()) as changes:
            state, clock = build(recipe, parts, opened, options, device), RunClock(device, began)
            origin = Origin.of(recipe, opened.info, frozen, state, clock, options)
            keeper = RunKeeper(recipe, opened, folder, state, clock, origin)
        notes = keeper.resume(changes)
        yield keeper.opening((*notes, *left_unread(opened, state.method.reads(()))))
        wanted = distributed.is_first()
        show = held.enter_context(dashboards(folder.path, keeper.images, recipe, options)) if wanted else None
        yield from _steps_left(keeper, opened, options, show)


def _steps_left(
    keeper: RunKeeper, data: TrainingData, options: TrainOptions, show: Callable[[Tick], None] | None
) -> Iterator[Tick]:
    """The steps that are left, each with its tick."""
    recipe, state = keeper.recipe, keeper.state
    if state.step >= keeper.stop:
        yield keeper.closing()
        return
    settings = state.step_options(recipe.batch_size, keeper.check)
    span = {"start": state.step, "stop": keeper.stop, "seed": recipe.seed, "rank": distributed.rank()}
    sides = state.method.computed_sides() if recipe.precompute else ()
    cache = SideCache(data, sides, keeper.origin.frozen, flip=recipe.flip, cache=cache_folder() / "sides")
    for computed in cache.compute(state.precision.device):
        yield keeper.computing(computed)
    keys = state.method.reads([side.spec.key for side in sides])
    reading = batches_of(recipe, cache.opened(), keys, state.precision.device)
    with reading as batches, listening() as heard:
        keeper.clock.start()
        for step in steps(state.method, state.updaters, batches, settings, **span):
            over = options.seconds is not None and keeper.clock.session_seconds() >= options.seconds
            # What ends a run must end it in all processes after the same step.
            interrupted, ending = distributed.agree(heard.asked), distributed.agree(over or heard.asked)
            tick = keeper.after(step, ending=ending)
            if ending and options.preview_at_stop:
                tick = keeper.stopped(tick)
            if show:
                show(tick)
            try:
                yield tick
            except (GeneratorExit, KeyboardInterrupt) as ended:
                keeper.save()
                # Whoever closes the iterator would not hear of a Ctrl-C that was held back.
                raise (KeyboardInterrupt() if heard.asked else ended) from None
            if interrupted:
                raise KeyboardInterrupt
            if ending:
                return


class RunKeeper:
    """Does what is due between steps, by images seen: reports, previews, measurements, saving.

    Every process calls the public methods, since losses and joules are gathered from all; only the first writes.

    Args:
        recipe: what is due when.
        data: the data.
        folder: the run's.
        state: what trains.
        clock: the run's.
        origin: where the models come from, for their cards.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        folder: RunFolder,
        state: TrainingState,
        clock: RunClock,
        origin: Origin,
    ) -> None:
        self.recipe, self.folder, self.state, self.clock, self.origin = recipe, folder, state, clock, origin
        self.changes: tuple[Change, ...] = ()
        self.first = distributed.is_first()
        # Whole steps, rounded up: the run sees its images, and at most a batch more.
        self.stop = -(-recipe.images // recipe.batch_size)
        self.check = FiniteCheck(state.precision.device)
        model = state.method.synthesizer()
        records, reals = records_for(data, model)
        most, layout = recipe.evaluation.samples, recipe.channels_last
        self.view = ModelView(state.method, state.precision.device, records, most, channels_last=layout)
        self.evaluator: Evaluator | None = None
        self.not_measured = why_not_measured(recipe.evaluation, model, reals, origin.catalog)
        if reals is not None and recipe.evaluation.samples and not self.not_measured:
            cache = cache_folder() / "features"
            self.evaluator = Evaluator(recipe.evaluation, reals, cache, recipe.seed, origin.catalog)
        self.alarms = Alarms(self.total)
        self._saved: Path | None = None
        self._scores: tuple[dict[str, Any], ...] = ()

    @property
    def images(self) -> int:
        """Seen so far."""
        return self.state.step * self.recipe.batch_size

    @property
    def total(self) -> int:
        """Images that the whole steps of the run see."""
        return self.stop * self.recipe.batch_size

    def resume(self, changed: tuple[Change, ...]) -> tuple[str, ...]:
        """Continue from the newest resume state, and cut the log back to it; notes for people.

        Args:
            changed: settings that were others until now.
        """
        newest = self.folder.newest() if self.first else None
        name = distributed.share(newest.name if newest else None)
        if name is not None:
            self.state.load_state_dict(self.folder.read(name, self.state.parts()), self.folder.checkpoints_at / name)
            self.clock.carry(self.images, self.state.seconds, self.state.joules)
        if self.first:
            self.folder.cut_log(self.state.step, measured=not self.state.owes_measurement)
            self.folder.forget_stop()
            begun = self.folder.begun()
            self.changes = begun.changes if begun else ()
        notes = (*self.state.notes, *([f"changes {', '.join(map(str, changed))}"] if changed else ()))
        evaluation = self.recipe.evaluation
        other = self.state.best is not None and not self.state.best.was_measured_by(evaluation)
        if other:
            self.state.best, self.state.evaluations = None, 0
            notes = (*notes, "no longer compares its models with those that were measured otherwise")
        # A run that was made longer owes nothing, since its last model is yet to come; one that was made shorter owes
        # what the end of a run brings.
        ended = self.evaluator is not None and self.state.step >= self.stop
        known = distributed.share(self.first and self.folder.measured(self.state.step, evaluation.metric))
        self.state.owes_measurement = ended and (other or not known)
        if name is not None:
            return (f"continues after step {self.state.step:,} ({self.images:,} images)", *notes)
        return notes if self.state.matched is None else (f"starts from another model: {self.state.matched}", *notes)

    def opening(self, notes: tuple[str, ...]) -> Tick:
        """The tick before the first step; what measuring needs is made ready.

        Raises:
            DioramaError: the recipe's metric cannot be measured here.
        """
        left = self.state.step < self.stop or self.state.owes_measurement
        if self.evaluator is not None and left:
            self.evaluator.prepare(self.state.precision.device)
        elif self.evaluator is None and self.recipe.evaluation.samples:
            notes = (*notes, f"measures no model, since {self.not_measured}; the last one is kept")
        return self._tick((*notes, *(unreached(self.recipe, self.total) if left else ())), finished=False)

    def computing(self, computed: Computed) -> Tick:
        """The tick after some records' sides have been computed, before the first step."""
        return replace(self._tick((), finished=False), computed=computed)

    def after(self, step: Step, *, ending: bool) -> Tick:
        """Do what is due after a step.

        Args:
            step: just completed.
            ending: the caller will stop here, so the state must be saved.

        Raises:
            TrainingFailed: something is not finite, or cannot be written.
        """
        recipe, last = self.recipe, step.step == self.stop
        self._saved, self._scores = None, ()
        self.state.step = step.step
        for average in self.state.averages.values():
            average.update(step.images, recipe.batch_size)
        self.state.means.add(step.losses)
        report_due = last or self._due(recipe.log_every)
        measure_due = self.evaluator is not None and (last or self._due(recipe.evaluation.every))
        preview_due = self.view.config.draws and self._due(recipe.preview_every)
        save_due = last or ending or self._due(recipe.checkpoint_every)
        snapshots_due = [name for name, a in self.state.averages.items() if self._due(a.snapshot_every)]
        if report_due or measure_due or preview_due or snapshots_due or save_due:
            # Nothing may be logged or kept of a run that has gone wrong; looking waits for the device.
            self.check.settle()
        report = self._report() if report_due else None
        with self.clock.left_out_of_speed():
            preview = self._preview(self._number()) if preview_due else None
            self._write_snapshots(snapshots_due)
            if last and measure_due:
                # Saved first: a measurement that fails must not cost the training.
                self.state.owes_measurement = True
                self.save()
                self._conclude()
            else:
                better = self._measure() if measure_due else False
                if save_due or better:
                    self.save()
                elif measure_due and self.first and self.state.best:
                    # The best model's card states how many models were measured, so it is written anew.
                    self._promote()
        notes = (*step.notes, *self._notes(last=last, ending=ending))
        return replace(self._tick(notes, finished=last), losses=step.losses, report=report, preview=preview)

    def stopped(self, tick: Tick) -> Tick:
        """The tick after which training stops, with a preview of the model as it stands, which is saved by now."""
        if tick.finished or tick.preview or not self.view.config.draws:
            return tick
        preview = self._preview(STOPPED)
        return replace(tick, preview=preview, notes=(*tick.notes, f"draws what {preview} shows"))

    def _due(self, every: int) -> bool:
        """Whether the last step reached another multiple of ``every`` images; never for 0."""
        return every > 0 and self.images // every > (self.images - self.recipe.batch_size) // every

    def _report(self) -> Report:
        before = self.images - self.recipe.batch_size
        report = Report(
            losses=self.state.means.take(),
            rates={player: updater.rate(before) for player, updater in self.state.updaters.items()},
            clock=self.clock.read(self.images),
        )
        heard = self.alarms.hear(report.losses, self.images)
        if self.first:
            self.folder.log({"kind": REPORT, **self._place(), **asdict(report), **heard})
        return report

    def _number(self) -> str:
        """Of the preview that is due."""
        return f"{previews_by(self.images, self.recipe.preview_every, self.changes):03d}"

    def _preview(self, name: str) -> Path:
        tensors, path = self.state.exported(keep=self.first), self.folder.samples
        if self.first:
            self.view.refresh(tensors)
            with writing("the preview", INTACT):
                path = write_preview(self.view, path, name, recipe=self.recipe.name, seed=self.recipe.seed)
        return distributed.share(path)

    def _write_snapshots(self, names: Sequence[str]) -> None:
        for name in names:
            with writing(f"the snapshot of {name}", INTACT):
                self.state.averages[name].write_snapshot(self.folder.averages / name, self.images)

    def _measure(self) -> bool:
        """Evaluate, all processes together; whether the model is the best so far, the same answer everywhere."""
        assert self.evaluator is not None
        self.view.refresh(self.state.exported())
        self._scores = self.evaluator(self.view)
        self.state.evaluations += 1
        self._read_clock()
        earlier = self.folder.results(before=self.state.step) if self.first else ()
        heard = self.alarms.measured(self._scores, earlier)
        step, seconds, joules = self.state.step, self.state.seconds, self.state.joules
        result = self.evaluator.better(self._scores, self.state.best)
        if result is not None:
            best = Best(step=step, images=self.images, seconds=seconds, joules=joules, result=result)
            self.state.best = replace(best, asked=self.evaluator.config.samples)
        if self.first:
            clock = {"seconds": seconds, "joules": joules}
            self.folder.log({"kind": METRIC, **self._place(), "results": list(self._scores), **heard, "clock": clock})
        return result is not None

    def save(self) -> None:
        """Write the resume state of the last completed step, unless it lies there already; all processes must call it.

        Raises:
            TrainingFailed: a weight is not finite, or the disk is full.
        """
        if self._saved is not None:
            return
        self.check.settle()
        if player := self.state.non_finite():
            raise TrainingFailed(
                f"step {self.state.step}: a weight of player {player!r} is not finite; nothing was saved"
            )
        self._read_clock()
        tree, exported = self.state.state_dict(), self.state.exported(keep=self.first)
        self._saved = self.folder.at_step(self.state.step)
        progress = Progress.of(self.state, self.images, self._scores)

        def write_model(path: Path) -> None:
            words = card(self.origin, progress, planned=self.total)
            store.save(path, self.view.config, exported, provenance(self.origin, progress), words)

        self.folder.save(self.state.step, tree, write_model, together=self.state.sharded)
        if not self.first:
            return
        self.folder.prune(self.recipe.keep, self.state.best.step if self.state.best else None)
        self._promote()

    def _promote(self) -> None:
        """Make the best model the run's; the newest where none was measured."""
        progress, best = Progress.of(self.state, self.images, self._scores), self.state.best
        if best is not None:
            progress = replace(progress, step=best.step, images=best.images, seconds=best.seconds, joules=best.joules)
        self.folder.promote(progress.step, card(self.origin, progress, planned=self.total))

    def _conclude(self) -> None:
        """Measure the last model, and save what came out."""
        if self.evaluator is not None:
            self._measure()
        self.state.owes_measurement, self._saved = False, None
        self.save()

    def closing(self) -> Tick:
        """The tick of a run that has no steps left: what a kill or a failure kept from its end is made up for."""
        if self.state.owes_measurement:
            self._conclude()
        elif self.first:
            self._promote()
        return self._tick(self._notes(last=True, ending=False), finished=True)

    def _read_clock(self) -> None:
        self.state.seconds, self.state.joules = self.clock.seconds(), self.clock.joules()

    def _place(self) -> dict[str, int]:
        return {"step": self.state.step, "images": self.images}

    def _tick(self, notes: tuple[str, ...], *, finished: bool) -> Tick:
        return Tick(
            step=self.state.step,
            images=self.images,
            total=self.total,
            results=self._scores,
            saved=self._saved,
            notes=notes,
            finished=finished,
        )

    def _notes(self, *, last: bool, ending: bool) -> tuple[str, ...]:
        notes = (*self.alarms.news(), *(self.evaluator.warnings() if self.evaluator else ()))
        if last:
            return (*notes, f"is complete: its model lies in {self.folder.path / 'model'}")
        if ending:
            return (*notes, f"is saved after step {self.state.step:,} ({self.images:,} images)")
        return notes
