"""The run on disk: what lies in its folder, who may write there, its resume states, and which model is its best.

Every process holds the same weights, so that the first one's suffice, and the number of processes may change between
save and resume.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from diorama.core import files
from diorama.core.errors import BadConfig, BadInput, TrainingFailed
from diorama.core.locks import only_process
from diorama.core.runlog import RunLog

FORMAT = 2
RECIPE, LOG, SAMPLES, CHECKPOINTS, MODEL = "recipe.json", "log.jsonl", "samples", "checkpoints", "model"
AVERAGES = "averages"
REPORT, METRIC = "report", "metric"
"""Kinds of lines of the log."""
TENSORS, REST = "state.safetensors", "state.json"
"""Files of a resume state."""
STATE_FORMAT = 4

_FREE = re.compile(r"recipe\.averages\.\w+\.snapshot_\w+|recipe\.frozen(\..+)?")
"""Values that may change while a run is continued: which copies of an average are kept changes nothing in it, and a
frozen part is known by its hash, wherever it lies."""

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
                for place in (
                    self.path,
                    self.path / CHECKPOINTS,
                    self.path / SAMPLES,
                    *self.path.glob(f"{AVERAGES}/*"),
                ):
                    files.sweep(place)
            except OSError as problem:
                raise BadInput(
                    f"{self.path}: cannot be written ({problem.strerror}); choose another --out"
                ) from problem
            yield

    @contextmanager
    def begin(self, identity: Mapping[str, Any], may_grow: bool) -> Iterator[None]:
        """Check that the run is still the same, and note what it is once the block has built it.

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
            changed = {name: values for name, values in changed.items() if not _FREE.fullmatch(name)}
            if changed:
                raise BadConfig(_refusal(self.path, changed))
        yield
        # Of what could not be built nothing is noted, or the mended command would be held against the mistake.
        if before != wanted:
            with writing(f"{self.path / RECIPE}", "Nothing was trained."):
                files.write_json(self.path / RECIPE, wanted)

    def cut_log(self, step: int, *, measured: bool) -> None:
        """Begin the log, or drop what it holds of later steps.

        Args:
            step: of the state that is continued.
            measured: whether that state knows what was measured after its step; else it is measured again.

        Raises:
            TrainingFailed: the disk is full.
        """
        with writing(f"{self.path / LOG}", INTACT):
            self._log().cut(step, without=None if measured else METRIC)

    def log(self, record: Mapping[str, Any]) -> None:
        """Add a line to the log.

        Raises:
            TrainingFailed: the disk is full.
        """
        with writing(f"{self.path / LOG}", INTACT):
            self._log().append(record)

    def checkpoints(self) -> list[Path]:
        """The resume states, oldest first."""
        return sorted(p.parent for p in self.path.glob(f"{CHECKPOINTS}/[0-9]*/{REST}"))

    def newest(self) -> Path | None:
        """The resume state that training continues from."""
        return next(reversed(self.checkpoints()), None)

    def read(self, name: str) -> Any:
        """The resume state of that name."""
        return read_state(self.path / CHECKPOINTS / name)

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
        with writing(f"the resume state of step {step}", f"{left}; make room and run the same command"):
            # The lines that the state relies on must not be lost after it.
            self._log().sync()
            with files.fresh_folder(self.at_step(step)) as partial:
                write_state(partial, state)
                write_model(partial / MODEL)
        return self.at_step(step)

    def prune(self, keep: int, best: int | None) -> None:
        """Remove all resume states but the newest ``keep`` and that of step ``best``."""
        for old in self.checkpoints()[: -max(1, keep)]:
            if int(old.name) != best:
                files.remove_folder(old)

    def promote(self, step: int, card: str) -> None:
        """Make the model of a resume state the run's, with a card that tells why.

        Raises:
            TrainingFailed: the disk is full; the resume states are intact.
        """
        with (
            writing(f"{self.path / MODEL}", INTACT),
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


@contextmanager
def writing(what: str, consequence: str) -> Iterator[None]:
    """Turn a full or failing disk into an error that says what it means for the run.

    Raises:
        TrainingFailed: what could not be written, why, and the ``consequence``.
    """
    try:
        yield
    except (OSError, SafetensorError) as problem:
        # safetensors hides the system's error number in its message.
        full = getattr(problem, "errno", None) == errno.ENOSPC or "No space left" in str(problem)
        reason = "the disk is full" if full else getattr(problem, "strerror", None) or str(problem)
        raise TrainingFailed(f"{what} cannot be written: {reason}. {consequence}") from problem


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The leaves in which two JSON values differ, under their dotted paths."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # A field that was added to Diorama after the run began is missing on disk.
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


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write a resume state, a tree of mappings, sequences, numbers, text and tensors, into an existing folder.

    No pickle: tensors go into safetensors, the rest into JSON, which is written last and makes the state complete.
    """
    tensors: dict[str, Tensor] = {}
    tree = _flatten("", state, tensors)
    save_file(tensors, folder / TENSORS)
    _make_durable(folder / TENSORS)
    sums = {"tensors_sha256": files.sha256_of(folder / TENSORS), "state_sha256": _sum_of(tree)}
    files.write_json(folder / REST, {"format": STATE_FORMAT, "state": tree, **sums})


def read_state(folder: Path) -> Any:
    """The tree that :func:`write_state` wrote, on the CPU; tuples come back as lists.

    Raises:
        BadInput: a file is missing, damaged or of another format.
    """
    try:
        content = json.loads((folder / REST).read_text(encoding="utf-8"))
        if content["format"] != STATE_FORMAT:
            raise BadInput(f"{folder / REST}: format {content['format']}, this version reads {STATE_FORMAT}")
        _verify(content, folder)
        return _restore(content["state"], load_file(folder / TENSORS))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as problem:
        raise BadInput(
            f"{folder}: this resume state is damaged ({problem}); remove the folder to continue from the one before"
        ) from problem


def _sum_of(tree: Any) -> str:
    """Hex SHA-256 of the JSON of a tree, which is the same before it is written and after it is read."""
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()


def _verify(content: Mapping[str, Any], folder: Path) -> None:
    if content["state_sha256"] != _sum_of(content["state"]):
        raise ValueError(f"the hash of {REST} has changed")
    if content["tensors_sha256"] != files.sha256_of(folder / TENSORS):
        raise ValueError(f"the hash of {TENSORS} has changed")


def _make_durable(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flatten(path: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON for a tree; its tensors move into ``tensors`` under their paths."""
    if isinstance(value, Tensor):
        if path in tensors:
            raise ValueError(f"two tensors of a resume state share the path {path!r}")
        # Tied weights share memory, which safetensors refuses to write.
        tensors[path] = value.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        return {"tensor": path}
    if isinstance(value, Mapping):
        # Pairs keep the type of keys: optimizers number their parameters.
        return {"map": [[k, _flatten(f"{path}/{k}", v, tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_flatten(f"{path}/{i}", v, tensors) for i, v in enumerate(value)]}
    return {"value": value}


def _restore(node: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    ((kind, value),) = node.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "map":
        return {k: _restore(v, tensors) for k, v in value}
    if kind == "list":
        return [_restore(v, tensors) for v in value]
    return value
