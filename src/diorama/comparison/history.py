"""A run folder's training: its curves, hours and joules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diorama.comparison.columns import Curve, TrainingHistory
from diorama.core import run_list, runlog
from diorama.core.errors import BadInput
from diorama.synthesis.provenance import TrainingSpent
from diorama.synthesis.store import read_provenance

LOG, RECIPE = "log.jsonl", "recipe.json"


def read_history(run: Path) -> TrainingHistory | None:
    """The training of a run folder; ``None`` for a bare model folder or a run that saved nothing.

    A run that ended before its first report has no curves; what it took is known from its model.

    Args:
        run: a run or model folder.
    """
    records = runlog.read(run / LOG)
    training = _training(run)
    if not records and not ((run / RECIPE).is_file() and training.images):
        return None
    return TrainingHistory(
        images=int(_largest(records, "images", training.images)),
        steps=max([int(r["step"]) for r in records] + [training.steps]),
        seconds=_largest(records, "seconds", training.seconds),
        joules=_largest(records, "joules", training.joules),
        energy=training.energy,
        losses=_curves(records, _losses),
        scores=_curves(records, _scores),
    )


def read_scalars(run: Path) -> dict[str, Curve]:
    """Curves of what the phases of a run logged beside their losses, by ``phase/scalar``.

    Args:
        run: a run folder.
    """
    return _curves(runlog.read(run / LOG), _scalars)


def spent_seconds(run: Path) -> float:
    """Seconds that a run has trained so far; 0 where there is none."""
    return _largest(runlog.read(run / LOG), "seconds", _training(run).seconds)


def planned_images(run: Path) -> int | None:
    """Images after which a run is complete, by its ``recipe.json``; ``None`` where that does not say so."""
    recipe = run_list.recipe_of(run)
    return None if recipe is None else int(recipe["images"])


def _largest(records: Sequence[Mapping[str, Any]], name: str, of_model: float) -> float:
    """A count that only grows, from the log or from the model's provenance, which may be newer."""
    return max([*(float({**r, **r.get("clock", {})}.get(name, 0.0)) for r in records), of_model])


def _training(run: Path) -> TrainingSpent:
    """What the run's model says of its training; nothing where there is no model yet."""
    try:
        return read_provenance(run).training or TrainingSpent()
    except BadInput:
        return TrainingSpent()


def _losses(record: Mapping[str, Any]) -> Mapping[str, float]:
    # Scalars of a phase (`phase/scalar`) would crowd the chart.
    return {name: value for name, value in record.get("losses", {}).items() if "/" not in name}


def _scalars(record: Mapping[str, Any]) -> Mapping[str, float]:
    return {name: value for name, value in record.get("losses", {}).items() if "/" in name}


def _scores(record: Mapping[str, Any]) -> Mapping[str, float]:
    return {result["metric"]: result["value"] for result in record.get("results", ())}


def _curves(
    records: list[dict[str, Any]], values: Callable[[Mapping[str, Any]], Mapping[str, float]]
) -> dict[str, Curve]:
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        for name, value in values(record).items():
            curves[name].append((float(record["images"]), float(value)))
    return {name: tuple(points) for name, points in curves.items()}
