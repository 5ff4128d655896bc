"""What scores say: mean opinion of systems and items, biases of raters, scores against a reference."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy.stats import kendalltau, kruskal, pearsonr, spearmanr

from diorama.core.numbers import counted
from diorama.evaluation.people.means import means_by, one_mean
from diorama.evaluation.people.parts import Labels, OpinionPart
from diorama.metrics.judgement.agreement import Level, alpha_interval, intraclass, krippendorff_alpha, unit_counts
from diorama.metrics.judgement.clusters import quantile
from diorama.metrics.judgement.consistency import score_raters
from diorama.metrics.judgement.hypotheses import student_p
from diorama.metrics.judgement.means import Means, holm
from diorama.metrics.judgement.opinion import differential, opinions
from diorama.metrics.judgement.paired import Floats
from diorama.study.analysis.findings import Cell, Estimate, Estimates, Grid, Section, Shown
from diorama.study.analysis.rates import flag, flag_notes, interval_rows, listed, median_seconds, over_raters, pooled

_MOST_SYSTEMS = 200


def opinion_section(part: OpinionPart, level: float) -> Section:
    """Scores on one scale."""
    matrix = part.matrix()
    raters = _raters(part, matrix)
    shown: list[Shown] = []
    lead = ""
    if part.systems is not None and len(part.systems.names) <= _MOST_SYSTEMS:
        found = means_by(part.scores, part.raters, part.systems)
        table = _systems(part.systems, found, level)
        shown += [table, _tests(part, part.systems, found, level)]
        lead = f"{table.rows[0].name} is scored highest, {table.rows[0].value:.2f} on a scale of 5."
    shown.append(listed("all", "All scores", _pooled(part, matrix, level)))
    if part.reference_of:
        shown.append(_differential(part, matrix))
    shown += [_items(part, matrix, level), raters]
    repeats = len(part.scores) - int(np.isfinite(matrix).sum())
    notes = flag_notes(raters)
    if repeats:
        notes.insert(
            0,
            f"{counted(repeats, 'score')} beside the first of the same rater and item: means count them, and "
            "agreement takes the first.",
        )
    title = "Mean opinion" if part.scale == "opinion" else f"Mean opinion: {part.scale}"
    name = "opinions" if part.scale == "opinion" else f"opinions_{part.scale}"
    return Section(name=name, title=title, lead=lead, shown=tuple(shown), notes=tuple(notes))


def _systems(systems: Labels, found: Means, level: float) -> Estimates:
    low, high = found.intervals(level)
    rows = sorted(interval_rows(systems.names, found.values, low, high), key=lambda row: -row.value)
    note = f"From 1, bad, to 5, excellent. {over_raters(found)}"
    return Estimates(name="systems", title="Mean opinion of each system", rows=tuple(rows), note=note)


def _tests(part: OpinionPart, systems: Labels, found: Means, level: float) -> Grid:
    pairs = list(combinations(range(len(systems.names)), 2))
    eye = np.eye(len(systems.names))
    gaps = [float(found.values[i] - found.values[j]) for i, j in pairs]
    error, freedom = found.spread(np.array([eye[i] - eye[j] for i, j in pairs]).reshape(-1, len(eye)))
    p_values = [student_p(gap, float(e), float(f)) for gap, e, f in zip(gaps, error, freedom, strict=True)]
    rows: list[tuple[Cell, ...]] = []
    raised = holm(p_values)
    for k, (i, j) in enumerate(pairs):
        reach = float(quantile(freedom[k], level) * error[k])
        ends = (gaps[k] - reach, gaps[k] + reach)
        h, p = _kruskal(part.scores[systems.index == i], part.scores[systems.index == j])
        names = (systems.names[i], systems.names[j])
        rows.append((*names, gaps[k], *ends, p_values[k], raised[k], h, p))
    return Grid(
        name="tests",
        title="Every two systems",
        columns=("first", "second", "difference", "low", "high", "p", "p (Holm)", "Kruskal–Wallis H", "its p"),
        rows=tuple(rows),
        note="p is over raters. Kruskal–Wallis takes all scores as independent.",
        folded=len(rows) > 15,
    )


def _kruskal(first: Floats, second: Floats) -> tuple[float, float]:
    if len(set(first.tolist()) | set(second.tolist())) < 2:
        return math.nan, math.nan
    found = kruskal(first, second)
    return float(found.statistic), float(found.pvalue)


def _pooled(part: OpinionPart, matrix: Floats, level: float) -> list[Estimate]:
    each = opinions(matrix)
    values, counts = unit_counts(matrix)
    everyone = one_mean(part.scores, part.raters)
    low, high = everyone.intervals(level)
    rows = [
        pooled("mean of all scores", everyone.values[0], low[0], high[0]),
        pooled("mean of item means", _known_mean(each.mean)),
        pooled("mean standard error of item means", _known_mean(each.error)),
        pooled("mean standard deviation of items", _known_mean(each.deviation)),
        pooled("standard deviation of all scores", part.scores.std()),
        pooled("variance of rater bias", np.nanvar(each.bias)),
    ]
    for kind in (Level.ORDINAL, Level.INTERVAL):
        ends = alpha_interval(values, counts, kind, confidence=level)
        rows.append(pooled(f"Krippendorff's alpha, {kind.value}", krippendorff_alpha(values, counts, kind), *ends))
    if np.isfinite(matrix).all() and min(matrix.shape) > 1:
        rows.append(pooled("ICC(A,1)", intraclass(matrix)))
    return [*rows, pooled("raters", len(part.raters.names)), pooled("items", len(part.items.names))]


def _known_mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _differential(part: OpinionPart, matrix: Floats) -> Estimates:
    place = {name: i for i, name in enumerate(part.items.names)}
    named = [name for name in part.items.names if part.reference_of.get(name) in place]
    references = [place[part.reference_of[name]] for name in named]
    scores = differential(matrix, [place[name] for name in named], references)
    each = opinions(scores)
    rows = [Estimate(name=name, value=float(each.mean[k]), error=float(each.error[k])) for k, name in enumerate(named)]
    rows.insert(0, pooled("mean of all items", _known_mean(each.mean)))
    note = "Each rater's score less his score of the reference, plus 5: 5 is as good as the reference."
    return listed("differential", "Against the reference (DMOS)", rows, note)


def _items(part: OpinionPart, matrix: Floats, level: float) -> Grid:
    """Every score counts here, also the second of one rater."""
    size = len(part.items.names)
    counts = np.bincount(part.items.index, minlength=size)
    mean = np.bincount(part.items.index, part.scores, size) / counts
    squares = np.bincount(part.items.index, (part.scores - mean[part.items.index]) ** 2, size)
    deviation = np.sqrt(np.divide(squares, counts - 1, out=np.full(size, math.nan), where=counts > 1))
    error = deviation / np.sqrt(counts)
    reach = quantile(np.maximum(counts - 1, 1), level) * error
    each = opinions(matrix)
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            int(counts[i]),
            *map(float, (mean[i], mean[i] - reach[i], mean[i] + reach[i], deviation[i], error[i])),
            float(each.without_bias[i]),
            float(each.standardised[i]),
        )
        for i, name in enumerate(part.items.names)
    ]
    return Grid(
        name="items",
        title="Items",
        columns=("item", "scores", "mean", "low", "high", "SD", "SE", "mean without bias", "standardised mean"),
        rows=tuple(rows),
        note="Intervals are over the raters of an item.",
        folded=True,
    )


def _raters(part: OpinionPart, matrix: Floats) -> Grid:
    seconds = median_seconds(part.ms, part.raters)
    rows: list[tuple[str, int, float, float, float, str]] = []
    for name, fit, time in zip(part.raters.names, score_raters(matrix), seconds, strict=True):
        rows.append((name, fit.count, float(time), fit.correlation, fit.bias, flag(fit.manner, float(time))))
    rows.sort(key=lambda row: (not row[-1], row[3] if math.isfinite(row[3]) else -2.0))
    return Grid(
        name="raters",
        title="Raters, those to look at first",
        columns=("rater", "scores", "median s", "correlation with others", "bias", "flag"),
        rows=tuple(rows),
        note="Correlation with the others' mean of the same items. Flagged raters are kept in all numbers.",
        folded=True,
    )


def scales_section(parts: list[OpinionPart]) -> Section:
    """How item means on several scales go together."""
    rows: list[tuple[Cell, ...]] = []
    for first, second in combinations(parts, 2):
        a, b = (dict(zip(part.items.names, _item_means(part), strict=True)) for part in (first, second))
        both = [name for name in a if name in b]
        x, y = [a[name] for name in both], [b[name] for name in both]
        if len(both) < 3 or len(set(x)) < 2 or len(set(y)) < 2:
            continue
        values = (pearsonr(x, y).statistic, spearmanr(x, y).statistic, kendalltau(x, y).statistic)
        rows.append((first.scale, second.scale, len(both), *map(float, values)))
    grid = Grid(
        name="scales",
        title="Item means of two scales",
        columns=("first", "second", "items", "Pearson", "Spearman", "Kendall"),
        rows=tuple(rows),
    )
    return Section(name="scales", title="Scales together", shown=(grid,))


def _item_means(part: OpinionPart) -> Floats:
    size = len(part.items.names)
    return np.bincount(part.items.index, part.scores, size) / np.bincount(part.items.index, minlength=size)
