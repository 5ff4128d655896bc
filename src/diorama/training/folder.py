"""The run on disk: what lies in its folder, who may write there, its resume states, and which model is its best.

Every process holds the same weights, so that the first one's suffice; or all write the parts that they hold of them.
The number of processes may change between save and resume.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from diorama.core import distributed, files
from diorama.core.errors import BadConfig, BadInput, TrainingFailed
from diorama.core.locks import only_process
from diorama.core.runlog import RunLog, read
from diorama.core.shards import common_folder, holds_parts, read_tensors, write_tensors
from diorama.training.identity import Begun, Change, refusal
from diorama.training.recipe import Recipe

FORMAT = 2
RECIPE, LOG, SAMPLES, CHECKPOINTS, MODEL = "recipe.json", "log.jsonl", "samples", "checkpoints", "model"
AVERAGES = "averages"
STOPPED = "stopped"
"""Name of the preview of a model that stands still."""
REPORT, METRIC = "report", "metric"
"""Kinds of lines of the log."""
TENSORS, REST = "state.safetensors", "state.json"
"""Files of a resume state."""
STATE_FORMAT, PARTS_FORMAT = 4, 5
"""Of a resume state of one process, and of one whose tensors all processes wrote, each into a file of its own."""

INTACT = "The resume states are intact; make room and run the same command"


class RunFolder:
    """A run's folder on disk; only the first process writes to it.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples, self.averages, self.checkpoints_at = (path / n for n in (SAMPLES, AVERAGES, CHECKPOINTS))

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Make the folder if need be, keep other processes out, and sweep up what a killed process left half done.

        Raises:
            BadInput: the folder holds something else, cannot be written, or another process is at work in it.
        """
        with ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                self.refuse_foreign()
                held.enter_context(only_process(self.path))
                for place in (self.path, self.checkpoints_at, self.samples, *self.averages.glob("*")):
                    files.sweep(place)
            except OSError as problem:
                raise BadInput(
                    f"{self.path}: cannot be written ({problem.strerror}); choose another --out"
                ) from problem
            yield

    def refuse_foreign(self) -> None:
        """Refuse a folder in which something else than a run lies.

        Raises:
            BadInput: it does.
        """
        if not self.path.exists():
            return
        foreign = [p.name for p in self.path.iterdir() if not p.name.startswith(".")]
        if foreign and not (self.path / RECIPE).exists():
            raise BadInput(f"{self.path}: is not empty and not a run (it holds {min(foreign)!r}); choose another --out")

    def changes(self, identity: Mapping[str, Any], recipe: Recipe) -> tuple[Change, ...]:
        """What continuing the run that lies here would change of its settings; nothing where none does.

        Args:
            identity: recipe and data as JSON.
            recipe: that it is of.

        Raises:
            BadConfig: a value that must not change has changed; the message says which.
        """
        begun = self.begun()
        if begun is None:
            return ()
        allowed, refused = begun.changed_to(identity, recipe)
        if refused:
            raise BadConfig(refusal(self.path, refused, begun))
        return allowed

    @contextmanager
    def begin(self, identity: Mapping[str, Any], recipe: Recipe) -> Iterator[tuple[Change, ...]]:
        """Check that the run is still the same, and note what it is once the block has built it.

        Args:
            identity: recipe and data as JSON.
            recipe: as :meth:`changes` takes it.

        Yields:
            The settings that change.

        Raises:
            BadConfig: as :meth:`changes`.
        """
        begun, new = self.begun(), self.changes(identity, recipe)
        yield new
        # Of what could not be built nothing is noted, or the mended command would be held against the mistake.
        changes = (*(begun.changes if begun else ()), *new)
        if begun is None or begun.identity != identity:
            listed = {"changes": [change.to_json() for change in changes]} if changes else {}
            with writing(f"{self.path / RECIPE}", "Nothing was trained."):
                files.write_json(self.path / RECIPE, {"format": FORMAT, **identity, **listed})

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

    def forget_stop(self) -> None:
        """Remove the preview of the stop that is now continued from."""
        for preview in self.samples.glob(f"{STOPPED}.*"):
            preview.unlink(missing_ok=True)

    def log(self, record: Mapping[str, Any]) -> None:
        """Add a line to the log.

        Raises:
            TrainingFailed: the disk is full.
        """
        with writing(f"{self.path / LOG}", INTACT):
            self._log().append(record)

    def measured(self, step: int, metric: str) -> bool:
        """Whether the log holds a measurement of the model of a step by a metric."""
        lines = (line for line in read(self.path / LOG) if line["step"] == step and line.get("kind") == METRIC)
        return any(result.get("metric") == metric for line in lines for result in line.get("results", ()))

    def results(self, *, before: int) -> list[Mapping[str, Any]]:
        """Of the measurements that the log holds of models of earlier steps."""
        lines = (line for line in read(self.path / LOG) if line["step"] < before and line.get("kind") == METRIC)
        return [result for line in lines for result in line.get("results", ())]

    def checkpoints(self) -> list[Path]:
        """The resume states, oldest first."""
        return sorted(p.parent for p in self.path.glob(f"{CHECKPOINTS}/[0-9]*/{REST}"))

    def newest(self) -> Path | None:
        """The resume state that training continues from."""
        return next(reversed(self.checkpoints()), None)

    def read(self, name: str, parts: Mapping[str, Tensor] = MappingProxyType({})) -> Any:
        """The resume state of that name; ``parts`` as :func:`read_state` takes them."""
        return read_state(self.checkpoints_at / name, parts)

    def at_step(self, step: int) -> Path:
        """Where the resume state of a step lies."""
        return self.checkpoints_at / f"{step:09d}"

    def save(
        self, step: int, state: Mapping[str, Any], write_model: Callable[[Path], None], *, together: bool = False
    ) -> Path:
        """Write a resume state with its model, whole or not at all.

        Args:
            step: completed.
            state: as :func:`write_state` takes it.
            write_model: writes the model into a folder; the first process calls it.
            together: all processes write their parts of the state; else the first one writes it, and the others do
                nothing here.

        Raises:
            TrainingFailed: the disk is full or gone; the states before are intact.
        """
        if not together and not distributed.is_first():
            return self.at_step(step)
        before = self.newest()
        left = f"The state of step {int(before.name)} is intact" if before else "There is no earlier state"
        with writing(f"the resume state of step {step}", f"{left}; make room and run the same command"):
            if distributed.is_first():
                # The lines that the state relies on must not be lost after it.
                self._log().sync()
            fresh = common_folder if together else files.fresh_folder
            with fresh(self.at_step(step)) as partial:
                write_state(partial, state)
                if distributed.is_first():
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

    def begun(self) -> Begun | None:
        """The run that lies here, if one does.

        Raises:
            BadInput: what lies here does not say what it is.
            BadConfig: another version of Diorama began it.
        """
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
        newest = self.newest()
        try:
            changes = tuple(Change(**change) for change in found.get("changes", ()))
            identity = {key: found[key] for key in ("recipe", "data", "frozen", "start_from")}
        except (KeyError, TypeError) as problem:
            raise BadInput(f"{path}: is damaged ({problem}); choose another --out") from problem
        return Begun(identity=identity, changes=changes, step=int(newest.name) if newest else 0)


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


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write a resume state, a tree of mappings, sequences, numbers, text and tensors, into an existing folder.

    No pickle: tensors go into safetensors, the rest into JSON, which is written last and makes the state complete. All
    processes must call it where tensors are shared out over them.
    """
    tensors: dict[str, Tensor] = {}
    tree = _flatten("", state, tensors)
    content: dict[str, Any] = {"format": STATE_FORMAT, "state": tree, "state_sha256": _sum_of(tree)}
    if holds_parts(tensors):
        content["format"], content["tensors_sha256"] = PARTS_FORMAT, write_tensors(folder, tensors)
    else:
        save_file({path: _copy(tensor) for path, tensor in tensors.items()}, folder / TENSORS)
        _make_durable(folder / TENSORS)
        content["tensors_sha256"] = files.sha256_of(folder / TENSORS)
    if distributed.is_first():
        files.write_json(folder / REST, content, indent=None)


def state_beside(path: Path, weights: Path) -> Mapping[str, Any]:
    """The resume state that a model was saved with, as :func:`read_state` returns it; empty where there is none.

    Args:
        path: of a run, or of one of its resume states.
        weights: the model's file.
    """
    wanted = files.sha256_of(weights)
    for state in (path, *RunFolder(path).checkpoints()):
        model = state / MODEL / weights.name
        if (state / REST).is_file() and model.is_file() and files.sha256_of(model) == wanted:
            found: Mapping[str, Any] = read_state(state)
            return found
    return {}


def read_state(folder: Path, parts: Mapping[str, Tensor] = MappingProxyType({})) -> Any:
    """The tree that :func:`write_state` wrote, on the CPU; tuples come back as lists.

    Args:
        folder: of the state, whichever number of processes wrote it.
        parts: tensors that are shared out, by their paths or by the beginnings of them; what the state has there is
            read as they are, each process its part. All processes must call it then.

    Raises:
        BadInput: a file is missing, damaged or of another format.
    """
    try:
        content = json.loads((folder / REST).read_text(encoding="utf-8"))
        if content["format"] not in (STATE_FORMAT, PARTS_FORMAT):
            raise BadInput(f"{folder / REST}: format {content['format']}, this version reads {PARTS_FORMAT}")
        _verify(content, folder)
        whole = content["format"] == STATE_FORMAT and not parts
        return _restore(content["state"], load_file(folder / TENSORS) if whole else read_tensors(folder, parts))
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
    sums = content["tensors_sha256"]
    for name, sha256 in (sums if isinstance(sums, dict) else {TENSORS: sums}).items():
        if sha256 != files.sha256_of(folder / name):
            raise ValueError(f"the hash of {name} has changed")


def _make_durable(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _copy(tensor: Tensor) -> Tensor:
    """On the CPU, with memory of its own: tied weights share theirs, which safetensors refuses to write."""
    return tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)


def _flatten(path: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON for a tree; its tensors move into ``tensors`` under their paths."""
    if isinstance(value, Tensor):
        if path in tensors:
            raise ValueError(f"two tensors of a resume state share the path {path!r}")
        tensors[path] = value
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
