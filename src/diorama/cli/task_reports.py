"""What ``diorama describe`` says of the reports of ``reconstruct`` and ``anomaly``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput

REPORT = "report.json"
MOST_SHOWN = 10
"""Pictures that are listed of a report of anomalies, the most unusual."""


def read_task_report(folder: Path) -> dict[str, Any]:
    """The report of a folder that ``reconstruct`` or ``anomaly`` has written.

    Raises:
        BadInput: there is none, or it is of something else.
    """
    document = task_report(folder)
    if document is None:
        raise BadInput(f"{folder / REPORT}: is no report of reconstruct or anomaly")
    return document


def task_report(folder: Path) -> dict[str, Any] | None:
    """The same, ``None`` where the folder holds no such report."""
    try:
        document = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(document, dict) and {"task", "summary", "pictures", "settings"} <= document.keys()
    return document if fits else None


def task_facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a report says, by name."""
    yield "kind", f"report of {document['task']}"
    yield "pictures", f"{len(document['pictures']):,}, {document['count']} samples of each"
    yield "seed", str(document["seed"])
    if document["recipe"]:
        yield "recipe", document["recipe"]
    for name in ("sampler", "steps", "guidance"):
        if document["sampling"].get(name) is not None:
            yield name, str(document["sampling"][name])
    for name, value in document["settings"].items():
        yield name, _setting(value)
    summary = document["summary"]
    for name, value in summary.get("psnr", {}).items():
        yield f"psnr {name}", decibels(value)
    for name, value in summary.get("gain", {}).items():
        yield f"gain over {name}", decibels(value)
    related = summary.get("rank_correlation_of_deviation_and_error")
    if related is not None:
        yield "rank correlation of deviation and error", f"{related:.3f}"
    for score, name in scores(document)[:MOST_SHOWN]:
        yield f"score of {name}", f"{score:.4g}"
    yield "model sha256", document["model"]


def scores(document: Mapping[str, Any]) -> list[tuple[float, str]]:
    """Score and name of each picture, the most unusual first; none of a report that has no scores."""
    rows = {row["folder"]: row for row in document["pictures"]}
    order = document["summary"].get("most_unusual_first", [])
    return [(rows[folder]["found"]["score"], rows[folder]["input"]) for folder in order]


def decibels(value: float | None) -> str:
    """A ratio in dB; pictures that are equal have an infinite one, which JSON cannot hold."""
    return "infinite" if value is None else f"{value:.2f} dB"


def _setting(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    settings = ", ".join(f"{name} {each}" for name, each in value.items() if name != "kind")
    kind = str(value.get("kind", "")).removesuffix("Config")
    return f"{kind} ({settings})" if settings else kind
