"""The run folder: what lies in it, who may write to it, and which model is its best."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from diorama.core import files
from diorama.core.errors import BadConfig, BadInput
from diorama.core.locks import only_process
from diorama.core.runlog import RunLog
from diorama.training import checkpoint

FORMAT = 2
RECIPE, LOG, SAMPLES, CHECKPOINTS, MODEL = "recipe.json", "log.jsonl", "samples", "checkpoints", "model"
AVERAGES = "averages"

_SNAPSHOTS = re.compile(r"recipe\.averages\.\w+\.snapshot_\w+")
"""Values that may change while a run is continued: which copies of an average are kept changes nothing in it."""

INTACT = "The resume states are intact; make room and run the same command"


class RunFolder:
    """A run's folder on disk; only the first process writes to it.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Make the folder if need be, keep other processes out, and sweep up what a killed process left half done.

        Raises:
            BadInput: the folder holds something else, cannot be written, or another process is at work in it.
        """
        with ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                foreign = [p.name for p in self.path.iterdir() if not p.name.startswith(".")]
                if foreign and not (self.path / RECIPE).exists():
                    raise BadInput(
                        f"{self.path}: is not empty and not a run (it holds {min(foreign)!r}); choose another --out"
                    )
                held.enter_context(only_process(self.path))
                self._sweep()
            except OSError as problem:
                raise BadInput(
                    f"{self.path}: cannot be written ({problem.strerror}); choose another --out"
                ) from problem
            yield

    def begin(self, identity: Mapping[str, Any], may_grow: bool) -> None:
        """Note what the run is, or check that it is still the same.

        Args:
            identity: recipe and data as JSON.
            may_grow: whether ``recipe.images`` may be larger than before: no rate depends on it.

        Raises:
            BadConfig: a value has changed; all that did are named.
        """
        wanted = {"format": FORMAT, **identity}
        before = self._identity()
        if before is not None:
            changed = dict(_differences("", before, wanted))
            old, new = changed.get("recipe.images", (0, 0))
            if may_grow and new > old:
                changed.pop("recipe.images", None)
            changed = {name: values for name, values in changed.items() if not _SNAPSHOTS.fullmatch(name)}
            if changed:
                raise BadConfig(_refusal(self.path, changed))
        if before != wanted:
            with checkpoint.writing(f"{self.path / RECIPE}", "Nothing was trained."):
                files.write_json(self.path / RECIPE, wanted)

    def cut_log(self, step: int) -> None:
        """Begin the log, or drop what it holds of later steps.

        Raises:
            TrainingFailed: the disk is full.
        """
        with checkpoint.writing(f"{self.path / LOG}", INTACT):
            self._log().cut(step)

    def log(self, record: Mapping[str, Any]) -> None:
        """Add a line to the log.

        Raises:
            TrainingFailed: the disk is full.
        """
        with checkpoint.writing(f"{self.path / LOG}", INTACT):
            self._log().append(record)

    def checkpoints(self) -> list[Path]:
        """The resume states, oldest first."""
        return sorted(p.parent for p in self.path.glob(f"{CHECKPOINTS}/[0-9]*/{checkpoint.REST}"))

    def newest(self) -> Path | None:
        """The resume state that training continues from."""
        return next(reversed(self.checkpoints()), None)

    def read(self, name: str) -> Any:
        """The resume state of that name."""
        return checkpoint.read(self.path / CHECKPOINTS / name)

    def at_step(self, step: int) -> Path:
        """Where the resume state of a step lies."""
        return self.path / CHECKPOINTS / f"{step:09d}"

    def save(self, step: int, state: Mapping[str, Any], write_model: Callable[[Path], None]) -> Path:
        """Write a resume state with its model, whole or not at all.

        Raises:
            TrainingFailed: the disk is full or gone; the states before are intact.
        """
        before = self.newest()
        left = f"The state of step {int(before.name)} is intact" if before else "There is no earlier state"
        with checkpoint.writing(f"the resume state of step {step}", f"{left}; make room and run the same command"):
            # The lines that the state relies on must not be lost after it.
            self._log().sync()
            with files.fresh_folder(self.at_step(step)) as partial:
                checkpoint.write(partial, state)
                write_model(partial / MODEL)
        return self.at_step(step)

    def prune(self, keep: int, best: int | None) -> None:
        """Remove all resume states but the newest ``keep`` and that of step ``best``."""
        for old in self.checkpoints()[: -max(1, keep)]:
            if int(old.name) != best:
                # Renamed first, since a kill may leave half of a folder.
                doomed = old.with_name(f".{old.name}.replaced-{os.getpid()}")
                os.replace(old, doomed)
                shutil.rmtree(doomed)

    def promote(self, step: int, card: str) -> None:
        """Make the model of a resume state the run's, with a card that tells why.

        Raises:
            TrainingFailed: the disk is full; the resume states are intact.
        """
        with (
            checkpoint.writing(f"{self.path / MODEL}", INTACT),
            files.fresh_folder(self.path / MODEL) as partial,
        ):
            shutil.copytree(self.at_step(step) / MODEL, partial, dirs_exist_ok=True)
            files.write_text(partial / "README.md", card)

    def _log(self) -> RunLog:
        return RunLog(self.path / LOG)

    def _identity(self) -> dict[str, Any] | None:
        path = self.path / RECIPE
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as problem:
            raise BadInput(f"{path}: is not JSON ({problem}); choose another --out") from problem
        if not isinstance(found, dict) or not isinstance(found.get("recipe"), dict):
            raise BadInput(f"{path}: holds no recipe of a run; choose another --out")
        if found.get("format") != FORMAT:
            raise BadConfig(
                f"{path}: another version of Diorama began this run (format {found.get('format')}, this one continues "
                f"{FORMAT}); continue it there, or start anew: another --out, with --from for its weights"
            )
        return found

    def _sweep(self) -> None:
        for place in (self.path, self.path / CHECKPOINTS, self.path / SAMPLES, *self.path.glob(f"{AVERAGES}/*")):
            for left in (*place.glob(".*.partial-*"), *place.glob(".*.replaced-*")):
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The leaves in which two JSON values differ, under their dotted paths."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # A field that the value on disk lacks is younger than the run, which ran as its default does.
        keys = old if "kind" in old else {**old, **new}
        for key in keys:
            yield from _differences(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif old != new:
        yield path, (old, new)


def _refusal(folder: Path, changed: Mapping[str, tuple[Any, Any]]) -> str:
    lines = "".join(
        f"\n  {name.removeprefix('recipe.')}: was {old!r}, is {new!r}" for name, (old, new) in changed.items()
    )
    return (
        f"{folder}: this run began with other values, and continuing would mix the two:{lines}\n"
        "Give the values it began with, or start anew: another --out, with --from for its weights"
    )
