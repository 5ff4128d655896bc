"""Runs on disk, found and described by their small files alone, and removed."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from diorama.core import files
from diorama.core.errors import BadInput
from diorama.core.locks import holder, only_process

RECIPE = "recipe.json"
_LOG, _CHECKPOINTS, _PROVENANCE = "log.jsonl", "checkpoints", "model/provenance.json"
_WRITTEN = frozenset({RECIPE, _LOG, _CHECKPOINTS, "samples", "model", "averages", "tensorboard", "wandb"})
"""What trainings write into a run."""
_LEFT_BEHIND = (".partial-", ".replaced-", ".removed-")
"""In hidden names, of what a killed training left half done."""
_TAIL = 1 << 16
"""Bytes of the end of a log in which its last line is looked for."""

State = Literal["finished", "stopped", "running", "not begun"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A measured value: the metric's name, and the number."""

    metric: str
    value: float


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """A run as a list shows it.

    Args:
        name: its path from the folder that was searched.
        path: of the run, absolute.
        recipe: its recipe's name.
        images: seen.
        planned: that the recipe asks for.
        score: of the run's model, by the metric that its recipe names; ``None`` where it was not measured.
        bytes: of all its files.
        written: when the newest of them was, in seconds since 1970.
        state: whether it is at work, has seen what was planned, or can be continued.
    """

    name: str
    path: Path
    recipe: str
    images: int
    planned: int
    score: Score | None
    bytes: int
    written: float
    state: State

    def to_json(self) -> dict[str, Any]:
        """Everything of it, for programs."""
        written = datetime.fromtimestamp(self.written).astimezone().isoformat(timespec="seconds")
        return {**asdict(self), "path": str(self.path), "written": written}

    def require_removable(self) -> None:
        """Refuse to remove what others are at work in, or what is more than a run.

        Raises:
            BadInput: saying why.
        """
        if self.path.is_symlink():
            raise BadInput(f"{self.path}: is a link to a run; remove the run where it lies")
        if (pid := holder(self.path)) is not None:
            raise BadInput(f"{self.path}: process {pid} is at work in this run; wait for it, or stop it")
        if foreign := sorted(name for name in os.listdir(self.path) if not _is_of_run(name)):
            more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
            raise BadInput(
                f"{self.path}: holds {foreign[0]!r}{more}, which no training wrote; move it elsewhere, and remove again"
            )


@dataclass(frozen=True, kw_only=True)
class RunList:
    """What was found below a folder.

    Args:
        runs: by name.
        left_out: folders that hold a ``recipe.json`` of no run, or could not be read, each with the reason.
    """

    runs: tuple[FoundRun, ...]
    left_out: tuple[str, ...]


def find_runs(folder: Path) -> RunList:
    """All runs in a folder and below it; links and hidden folders are left out.

    Args:
        folder: itself perhaps a run.
    """
    root = Path(os.path.abspath(folder))
    runs: list[FoundRun] = []
    left_out: list[str] = []
    for path, problem in _with_recipes(root):
        recipe = None if problem else recipe_of(path)
        if recipe is None:
            left_out.append(f"{path}: {problem or f'its {RECIPE} is of no run'}")
        else:
            runs.append(_found(path, path.relative_to(root).as_posix(), recipe))
    return RunList(runs=tuple(sorted(runs, key=lambda run: run.name)), left_out=tuple(left_out))


def remove_run(run: FoundRun) -> None:
    """Remove a run with all that its training wrote; what its links lead to stays.

    Raises:
        BadInput: somebody is at work in it, or it holds something else.
    """
    run.require_removable()
    with only_process(run.path):
        files.remove_folder(run.path)


def _with_recipes(folder: Path) -> Iterator[tuple[Path, str]]:
    """Folders that hold a ``recipe.json``, or cannot be read and why."""
    try:
        entries = list(os.scandir(folder))
    except OSError as problem:
        yield folder, f"cannot be read ({problem.strerror})"
        return
    names = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
    if RECIPE in names:
        yield folder, ""
    for entry in entries:
        # What a training wrote holds no other run.
        inside = RECIPE in names and entry.name in _WRITTEN
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and not inside:
            yield from _with_recipes(Path(entry.path))


def recipe_of(path: Path) -> Mapping[str, Any] | None:
    """The recipe of a run, as JSON; ``None`` where the folder is no run."""
    document = _json(path / RECIPE)
    recipe = document.get("recipe")
    if not isinstance(recipe, dict) or not isinstance(document.get("format"), int):
        return None
    numbers = (recipe.get("images"), recipe.get("batch_size"))
    return recipe if isinstance(recipe.get("name"), str) and all(isinstance(n, int) for n in numbers) else None


def _found(path: Path, name: str, recipe: Mapping[str, Any]) -> FoundRun:
    size, written = _size_and_time(path)
    images = _images_of(path, recipe["batch_size"])
    state: State = "stopped" if images else "not begun"
    if images >= recipe["images"]:
        state = "finished"
    if holder(path) is not None:
        state = "running"
    return FoundRun(
        name=name,
        path=path,
        recipe=recipe["name"],
        images=images,
        planned=recipe["images"],
        score=_score_of(path, recipe),
        bytes=size,
        written=written,
        state=state,
    )


def _images_of(path: Path, batch_size: int) -> int:
    """Images seen by the log's last line, or by the newest resume state where that is later."""
    steps = [int(entry) for entry in _names(path / _CHECKPOINTS) if entry.isdecimal()]
    return max([_last_logged(path / _LOG), *(step * batch_size for step in steps)])


def _last_logged(log: Path) -> int:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().split(b"\n")
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            return int(json.loads(line)["images"])
        except (ValueError, KeyError, TypeError, RecursionError):
            # The line that a killed training did not finish.
            continue
    return 0


def _score_of(path: Path, recipe: Mapping[str, Any]) -> Score | None:
    """The score of the run's model, which is its best; of the metric that it was chosen by, if that was measured."""
    scores = _json(path / _PROVENANCE).get("scores")
    evaluation = recipe.get("evaluation")
    chosen_by = evaluation.get("metric") if isinstance(evaluation, dict) else None
    known = [s for s in scores if isinstance(s, dict)] if isinstance(scores, list) else []
    for score in sorted(known, key=lambda s: s.get("metric") != chosen_by):
        if isinstance(score.get("metric"), str) and isinstance(score.get("value"), (int, float)):
            return Score(metric=score["metric"], value=float(score["value"]))
    return None


def _size_and_time(path: Path) -> tuple[int, float]:
    """Bytes of all files, and when the newest was written; links count as themselves."""
    total, newest = 0, path.lstat().st_mtime
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                found = os.lstat(os.path.join(folder, name))
            except OSError:
                # A training that is at work removes what it no longer needs.
                continue
            total += found.st_size
            if stat.S_ISREG(found.st_mode) and name != ".lock":
                newest = max(newest, found.st_mtime)
    return total, newest


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _is_of_run(name: str) -> bool:
    left = name.startswith(".") and any(mark in name for mark in _LEFT_BEHIND)
    return name in _WRITTEN or name in (".lock", ".DS_Store") or left
