"""``report.json``: every number of a report, written and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from diorama.comparison.columns import Column, Comparison, TrainingHistory
from diorama.comparison.kinds import KINDS
from diorama.comparison.ranking import groups, ranks
from diorama.comparison.words import described, title
from diorama.core.config import decode
from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig, BadInput
from diorama.evaluation.catalog.metrics import catalog_with
from diorama.evaluation.protocol import from_json
from diorama.recipes import catalog as recipes

FORMAT = "diorama-report/1"
NUMBERS = "report.json"


@dataclass(frozen=True, kw_only=True)
class ReportRecord:
    """What ``report.json`` holds.

    Args:
        title: of the page.
        comparisons: without pictures and neighbours.
    """

    title: str
    comparisons: tuple[Comparison, ...]


def report_to_json(comparisons: Sequence[Comparison], heading: str) -> dict[str, Any]:
    """The content of ``report.json``.

    Args:
        comparisons: as the page shows them.
        heading: of the page.
    """
    return {"format": FORMAT, "title": heading, "comparisons": [_comparison_to_json(c) for c in comparisons]}


def _comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison's own numbers, and how its generators are called, grouped and ranked."""
    places = ranks(comparison)
    group_of = {column.name: group for group in groups(comparison) for column in group.columns}
    document = comparison.to_json()
    for column, model in zip(comparison.columns, document["models"], strict=True):
        group = group_of.get(column.name)
        model |= {
            "title": title(column),
            "group": None if group is None else group.title,
            "rank": places.get(column.name),
        }
    metrics = {metric: described(comparison, metric) for metric in comparison.metrics}
    return {
        **document,
        "main_metric": comparison.metrics[0] if comparison.metrics else None,
        "metrics": {name: {"title": about.title, "better": about.better} for name, about in metrics.items()},
    }


def read_report(folder: Path, own: Sequence[object] = ()) -> ReportRecord:
    """The numbers of a report, without its pictures.

    Args:
        folder: that ``report.json`` lies in.
        own: what a user's files name in their ``CATALOG``: metrics, and entries of recipes.

    Raises:
        BadInput: the file cannot be read, or is no report.
    """
    path = folder / NUMBERS
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BadInput(f"{path}: is no report of Diorama (expected the format {FORMAT!r})")
        comparisons = tuple(_comparison_from_json(each, path, own) for each in document["comparisons"])
        return ReportRecord(title=str(document.get("title", "")), comparisons=comparisons)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, BadConfig) as problem:
        raise BadInput(f"{path}: is no report of Diorama ({type(problem).__name__}: {problem})") from problem


def _comparison_from_json(document: Mapping[str, Any], path: Path, own: Sequence[object]) -> Comparison:
    metrics = document.get("metrics", {})
    return Comparison(
        data=decode(DataInfo, document["data"], f"{path.name}: data"),
        budget=str(document["budget"]),
        device=str(document["device"]),
        columns=tuple(_column_from_json(model, own) for model in document["models"]),
        split=str(document["split"]),
        # What reports of earlier versions lack.
        reference=int(document.get("reference", 0)),
        began=str(document.get("began", "")),
        command=str(document.get("command", "")),
        notes=tuple(document["notes"]),
        catalog=catalog_with(own),
        better={name: "lower" if about["better"] == "lower" else "higher" for name, about in metrics.items()},
    )


def _column_from_json(model: Mapping[str, Any], own: Sequence[object]) -> Column:
    recipe, training, kind = str(model["recipe"]), model["training"], model["kind"]
    if kind not in KINDS:
        raise ValueError(f"there is no kind of generator {kind!r}")
    known = {field.name for field in fields(TrainingHistory)}
    return Column(
        name=str(model["name"]),
        kind=kind,
        recipe=recipe,
        entry=recipes.find(recipe, own),
        trained_column=str(model["of"]),
        parameters=model["parameters"],
        model=str(model["model"]),
        count=int(model["samples"]),
        results=tuple(from_json(model)),
        warnings=tuple(model["warnings"]),
        seconds=model["drawing_seconds"],
        history=None if training is None else TrainingHistory(**{k: v for k, v in training.items() if k in known}),
        kept_budget=bool(model.get("kept_budget", True)),
        origin=str(model["origin"]),
        sampler=str(model.get("sampler", "")),
        seeds=tuple(_column_from_json(single, own) for single in model.get("seeds", ())),
    )
