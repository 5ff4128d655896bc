"""How people's judgement of systems goes with what metrics say of the same systems."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from scipy.stats import kendalltau, pearsonr, spearmanr

from diorama.core.errors import BadInput
from diorama.data.answers import read_text
from diorama.study.analysis.findings import Cell, Estimates, Grid, Section

Scores = Mapping[str, Mapping[str, float]]
"""By metric, by system."""

_FEWEST = 3


def read_scores(path: Path) -> Scores:
    """Scores of systems by metrics.

    Args:
        path: a ``report.json`` of ``diorama compare``, or CSV whose first column names systems and whose others are
            metrics.

    Raises:
        BadInput: it is neither.
    """
    text = read_text(path)
    return _from_report(path, text) if path.suffix.lower() == ".json" else _from_csv(path, text)


def _from_report(path: Path, text: str) -> Scores:
    try:
        document = json.loads(text)
        models = [model for comparison in document["comparisons"] for model in comparison["models"]]
        scores: dict[str, dict[str, float]] = {}
        for model in models:
            for result in model["results"]:
                scores.setdefault(str(result["metric"]), {})[str(model["name"])] = float(result["value"])
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise BadInput(f"{path}: is no report.json of diorama compare ({problem!r})") from problem
    return scores


def _from_csv(path: Path, text: str) -> Scores:
    reader = csv.reader(StringIO(text, newline=""))
    header = next(reader, [])
    scores: dict[str, dict[str, float]] = {name: {} for name in header[1:]}
    if not scores:
        raise BadInput(f"{path}: needs a column of systems, then a column for each metric")
    for row in reader:
        for name, field in zip(header[1:], row[1:], strict=False):
            if not field:
                continue
            try:
                scores[name][row[0]] = float(field)
            except ValueError as problem:
                raise BadInput(f"{path}: line {reader.line_num}: {name} is {field!r}, which is no number") from problem
    return scores


def metric_section(people: Estimates, scores: Scores, source: Path) -> Section:
    """Correlations over systems.

    Args:
        people: judgement of each system, higher being better or lower being better as its note says.
        scores: of metrics.
        source: where the scores are from.

    Raises:
        BadInput: fewer than three systems have both.
    """
    judged = {row.name: row for row in people.rows if math.isfinite(row.value)}
    rows: list[tuple[Cell, ...]] = []
    few = []
    for metric, values in scores.items():
        both = [name for name in judged if name in values and math.isfinite(values[name])]
        x, y = [judged[name].value for name in both], [values[name] for name in both]
        if len(both) < _FEWEST or len(set(x)) < 2 or len(set(y)) < 2:
            few.append(metric)
            continue
        found = (pearsonr(x, y), spearmanr(x, y), kendalltau(x, y))
        rows.append((metric, len(both), *(float(n) for each in found for n in (each.statistic, each.pvalue))))
    if not rows:
        scored = sorted({name for each in scores.values() for name in each})
        raise BadInput(
            f"{source}: fewer than {_FEWEST} systems have both a metric and a judgement; the study knows "
            f"{', '.join(judged)}, the scores {', '.join(scored)}; bring the names in line, or leave out --metrics"
        )
    notes = ["With few systems a correlation says little: p is of the systems as they are, one number each."]
    if few:
        notes.append(f"Left out, since fewer than {_FEWEST} systems have them: {', '.join(few)}.")
    return Section(
        name=f"metrics_{people.name}",
        title=f"Metrics against people: {people.title}",
        shown=(
            Grid(
                name="correlations",
                title="Correlation over systems",
                columns=("metric", "systems", "Pearson", "p", "Spearman", "p", "Kendall", "p"),
                rows=tuple(rows),
                note="A metric of which lower is better agrees with a judgement of which higher is better at -1.",
            ),
        ),
        notes=tuple(notes),
    )


def judged_systems(section: Section) -> Estimates | None:
    """The estimates of a section that judge systems."""
    wanted = ("strengths", "systems", "dprime", "hype_time")
    return next((each for each in section.shown if isinstance(each, Estimates) and each.name in wanted), None)
