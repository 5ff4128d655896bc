"""What a run folder tells of its training: curves, hours and joules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diorama.comparison.columns import Curve, Story
from diorama.core import runlog
from diorama.core.errors import BadInput
from diorama.synthesis.store import read_provenance

LOG = "log.jsonl"


def read_story(run: Path) -> Story | None:
    """The training of a run folder; ``None`` for a bare model folder or a run that logged nothing.

    Args:
        run: a run or model folder.
    """
    records = runlog.read(run / LOG)
    if not records:
        return None
    clock: dict[str, Any] = next((r["clock"] for r in reversed(records) if "clock" in r), {})
    return Story(
        images=max(int(r["images"]) for r in records),
        steps=max(int(r["step"]) for r in records),
        seconds=float(clock.get("seconds", 0.0)),
        joules=float(clock.get("joules", 0.0)),
        energy=_energy(run),
        losses=_curves(records, _losses),
        scores=_curves(records, _scores),
    )


def spent_seconds(run: Path) -> float:
    """Seconds that a run has trained so far; 0 where there is none."""
    clocks = [r["clock"]["seconds"] for r in runlog.read(run / LOG) if "clock" in r]
    return float(clocks[-1]) if clocks else 0.0


def _energy(run: Path) -> str:
    try:
        return str(read_provenance(run).get("training", {}).get("energy", ""))
    except BadInput:
        return ""


def _losses(record: Mapping[str, Any]) -> Mapping[str, float]:
    # Scalars of a phase (`phase/scalar`) would crowd the chart.
    return {name: value for name, value in record.get("losses", {}).items() if "/" not in name}


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
