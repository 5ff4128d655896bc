"""What is done between steps, by images seen: reports, measurements, previews and saving."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diorama.core import distributed
from diorama.core.errors import TrainingFailed
from diorama.core.files import cache_folder
from diorama.data.training_sets import TrainingData
from diorama.synthesis import store
from diorama.training import checkpoint
from diorama.training.assembly import Parts
from diorama.training.card import Origin, Stand, card, provenance
from diorama.training.folder import SAMPLES, RunFolder
from diorama.training.measuring import Best, Evaluator, enough
from diorama.training.pace import Pace
from diorama.training.previews import write_preview
from diorama.training.recipe import Recipe
from diorama.training.steps import FiniteCheck, Step
from diorama.training.ticks import Report, Tick
from diorama.training.view import ModelView


class Chronicle:
    """Follows a run step by step. The first process writes; the others keep it company in what needs all.

    Args:
        recipe: what is due when.
        feed: the data.
        folder: the run's.
        parts: what trains.
        pace: the run's clock.
        origin: where the models come from, for their cards.
    """

    def __init__(
        self, recipe: Recipe, feed: TrainingData, folder: RunFolder, parts: Parts, pace: Pace, origin: Origin
    ) -> None:
        self.recipe, self.folder, self.parts, self.pace, self.origin = recipe, folder, parts, pace, origin
        self.first = distributed.is_first()
        self.stop = -(-recipe.images // recipe.batch_size)
        self.check = FiniteCheck(parts.precision.device)
        self.view = ModelView(parts.method, parts.precision, channels_last=recipe.channels_last)
        self.evaluator: Evaluator | None = None
        if feed.val is not None and recipe.evaluation.samples and enough(recipe.evaluation, feed.val):
            self.evaluator = Evaluator(recipe.evaluation, feed.val, cache_folder() / "features", recipe.seed)
        self._spent = (0.0, 0.0)
        self._saved: Path | None = None
        self._scores: tuple[dict[str, Any], ...] = ()
        self._concluded = True

    @property
    def images(self) -> int:
        """Seen so far."""
        return self.parts.step * self.recipe.batch_size

    @property
    def total(self) -> int:
        """Images that the whole steps of the run see."""
        return self.stop * self.recipe.batch_size

    def resume(self) -> tuple[str, ...]:
        """Stand where the newest resume state was taken, and cut the log back to it; notes for people."""
        name = distributed.share(_name(self.folder.newest()) if self.first else None)
        if name is not None:
            state = self.folder.read(name)
            self.parts.load_state_dict(state)
            self._spent = (state["seconds"], state["joules"])
            # A run that has grown since has its last model still before it.
            self._concluded = state.get("concluded", True) or self.parts.step < self.stop
            self.pace.carry(self.images, *self._spent)
        if self.first:
            self.folder.cut_log(self.parts.step)
        if name is not None:
            return (f"continues after step {self.parts.step:,} ({self.images:,} images)",)
        return () if self.parts.fit is None else (f"starts from another model: {self.parts.fit}",)

    def opening(self, notes: tuple[str, ...]) -> Tick:
        """The tick before the first step; what measuring needs is made ready.

        Raises:
            DioramaError: the recipe's metric cannot be measured here.
        """
        left = self.parts.step < self.stop or not self._concluded
        if self.evaluator is not None and self.first and left:
            self.evaluator.prepare(self.parts.precision.device)
        elif self.evaluator is None and self.recipe.evaluation.samples:
            notes = (
                *notes,
                "measures no model, since the data have no split `val` that is large enough; the last one is kept",
            )
        return Tick(step=self.parts.step, images=self.images, total=self.total, notes=notes)

    def closing(self) -> Tick:
        """The tick of a run that has no steps left: what a kill or a failure kept from its end is made up for."""
        if not self._concluded:
            self._conclude()
        elif self.first:
            self._promote()
        return Tick(
            step=self.parts.step,
            images=self.images,
            total=self.total,
            results=self._scores,
            saved=self._saved,
            notes=self._notes(last=True, ending=False),
            finished=True,
        )

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
        self.parts.step = step.step
        self.parts.average.update(step.images, recipe.batch_size)
        self.parts.means.add(step.losses)
        report_due = last or self._due(recipe.log_every)
        measure_due = self.evaluator is not None and (last or self._due(recipe.evaluation.every))
        preview_due, save_due = self._due(recipe.preview_every), last or ending or self._due(recipe.checkpoint_every)
        if report_due or measure_due or preview_due or save_due:
            self.check.settle()
        report = self._report() if report_due else None
        with self.pace.aside():
            preview = self._preview() if preview_due and self.first else None
            if last and measure_due:
                # Saved first: a measurement that fails must not cost the training.
                self._concluded = False
                self.save()
                self._conclude()
            else:
                better = self._measure() if measure_due else False
                if save_due or better:
                    self.save()
                elif measure_due and self.first and self.parts.best:
                    # The card of the best model says of how many it is the best.
                    self._promote()
        return Tick(
            step=step.step,
            images=step.images,
            total=self.total,
            losses=step.losses,
            report=report,
            results=self._scores,
            preview=preview,
            saved=self._saved,
            notes=self._notes(last=last, ending=ending),
            finished=last,
        )

    def save(self) -> None:
        """Write the resume state of the last completed step, unless it lies there already; all processes must call it.

        Raises:
            TrainingFailed: a weight is not finite, or the disk is full.
        """
        if self._saved is not None:
            return
        self.check.settle()
        if player := self.parts.non_finite():
            raise TrainingFailed(
                f"step {self.parts.step}: a weight of player {player!r} is not finite; nothing was saved"
            )
        self._spent = (self.pace.seconds(), self.pace.joules())
        seconds, joules = self._spent
        concluded = self._concluded
        state = {**self.parts.state_dict(), "seconds": seconds, "joules": joules, "concluded": concluded}
        self._saved = self.folder.at_step(self.parts.step)
        if not self.first:
            return
        stand = self._stand()

        def write_model(path: Path) -> None:
            config, tensors = self.view.config, self.parts.exported()
            words = card(self.origin, stand, planned=self.total)
            store.save(path, config, tensors, provenance(self.origin, stand), words)

        self.folder.save(self.parts.step, state, write_model)
        self.folder.prune(self.recipe.keep, self.parts.best.step if self.parts.best else None)
        self._promote()

    def _due(self, every: int) -> bool:
        """Whether the last step reached another multiple of ``every`` images; never for 0."""
        return every > 0 and self.images // every > (self.images - self.recipe.batch_size) // every

    def _report(self) -> Report:
        before = self.images - self.recipe.batch_size
        report = Report(
            losses=self.parts.means.take(),
            rates={player: updater.rate(before) for player, updater in self.parts.updaters.items()},
            clock=self.pace.clock(self.images),
        )
        if self.first:
            self.folder.log({"kind": "report", **self._place(), **asdict(report)})
        return report

    def _measure(self) -> bool:
        """Evaluate in the first process; whether the model is the best so far, the same answer everywhere."""
        assert self.evaluator is not None
        if self.first:
            self.view.refresh(self.parts.exported())
            self._scores = self.evaluator(self.view)
        self._scores = distributed.share(self._scores)
        self.parts.evaluations += 1
        self._spent = (self.pace.seconds(), self.pace.joules())
        seconds, joules = self._spent
        result = self.evaluator.better(self._scores, self.parts.best)
        if result is not None:
            self.parts.best = Best(
                step=self.parts.step, images=self.images, seconds=seconds, joules=joules, result=result
            )
        if self.first:
            clock = {"seconds": seconds, "joules": joules}
            self.folder.log({"kind": "metric", **self._place(), "results": list(self._scores), "clock": clock})
        return result is not None

    def _conclude(self) -> None:
        """Measure the last model, and save what came out."""
        if self.evaluator is not None:
            self._measure()
        self._concluded, self._saved = True, None
        self.save()

    def _place(self) -> dict[str, int]:
        return {"step": self.parts.step, "images": self.images}

    def _preview(self) -> Path:
        self.view.refresh(self.parts.exported())
        number = self.images // self.recipe.preview_every
        samples = self.folder.path / SAMPLES
        with checkpoint.writing("the preview", "The resume states are intact; make room and run the same command"):
            return write_preview(self.view, samples, number, recipe=self.recipe.name, seed=self.recipe.seed)

    def _promote(self) -> None:
        """Make the best model the run's; the newest where none was measured."""
        best = self.parts.best
        stand = self._stand()
        if best is not None:
            stand = replace(stand, step=best.step, images=best.images, seconds=best.seconds, joules=best.joules)
        self.folder.promote(stand.step, card(self.origin, stand, planned=self.total))

    def _stand(self) -> Stand:
        seconds, joules = self._spent
        return Stand(
            step=self.parts.step,
            images=self.images,
            seconds=seconds,
            joules=joules,
            best=self.parts.best,
            evaluations=self.parts.evaluations,
            scores=self._scores,
        )

    def _notes(self, *, last: bool, ending: bool) -> tuple[str, ...]:
        notes = self.evaluator.warnings() if self.evaluator else ()
        if last:
            return (*notes, f"is complete: its model lies in {self.folder.path / 'model'}")
        if ending:
            return (*notes, f"is saved after step {self.parts.step:,}")
        return notes


def _name(path: Path | None) -> str | None:
    return None if path is None else path.name
