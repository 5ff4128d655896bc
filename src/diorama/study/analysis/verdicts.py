"""What verdicts on single pictures say: how real they look, d' and HYPE's error.

Reference: S. Zhou, M. L. Gordon, R. Krishna et al. 2019, "HYPE: A benchmark for human eye perceptual evaluation of
generative models", NeurIPS, arXiv:1904.01121, section 2.2.
"""

from __future__ import annotations

import numpy as np

from diorama.evaluation.people.means import means_by, one_mean
from diorama.evaluation.people.parts import Labels, VerdictPart, first_values
from diorama.metrics.judgement.agreement import Level, krippendorff_alpha
from diorama.metrics.judgement.consistency import hit_raters
from diorama.metrics.judgement.detection import real_or_fake
from diorama.metrics.judgement.paired import Floats
from diorama.study.analysis.findings import Estimate, Estimates, Grid, Section, Shown
from diorama.study.analysis.rates import (
    flag_notes,
    interval_rows,
    item_grid,
    listed,
    median_seconds,
    over_raters,
    pooled,
    rater_grid,
    share_rows,
)

_FEW_VALUES = 12
"""A column of the raters with more distinct values is no grouping."""


def verdict_section(part: VerdictPart, level: float) -> Section:
    """Pictures judged one by one."""
    names = part.systems.names
    truth = int(part.systems.index[np.flatnonzero(part.real)[0]])
    called = means_by(part.called_real, part.raters, part.systems)
    sensitivity = real_or_fake(called, truth, level)
    wrong = np.where(np.isnan(part.called_real), np.nan, part.called_real != part.real)
    errors = means_by(wrong, part.raters, part.systems)
    raters = _raters(part)
    unsure = int(np.isnan(part.called_real).sum())
    notes = flag_notes(raters)
    if unsure:
        notes.insert(0, f"{unsure:,} answers are unsure: a half in accuracy, left out of all other numbers.")
    if part.staircase:
        notes.insert(
            0, "Exposures followed the answers: shares and d' depend on them, and HYPE_time judges the systems."
        )
    corrected = [name for name, moved in zip(names, sensitivity.corrected, strict=True) if moved]
    if corrected:
        notes.append(f"All or none of {', '.join(corrected)} were called real: half a judgement is taken off for d'.")
    dprime = interval_rows(names, sensitivity.values, sensitivity.low, sensitivity.high)
    shown: list[Shown] = [
        Estimates(
            # Metrics are held against d', and not against what follows from the staircase.
            name="dprime_of_staircase" if part.staircase else "dprime",
            title=f"d' against {names[truth]}",
            rows=dprime[:truth] + dprime[truth + 1 :],
            note=f"0 for what looks as real as real pictures; lower is better. {over_raters(called)}",
        ),
        Estimates(
            name="called_real",
            title="Share called real",
            rows=share_rows(names, called, level),
            note=f"Of false pictures this is how many deceive. {over_raters(called)}",
        ),
        Estimates(
            name="error",
            title="Share judged wrongly",
            rows=share_rows(names, errors, level),
            note="HYPE's error for each source.",
            chart=False,
        ),
        listed("all", "All pictures", _pooled(part, wrong, level)),
        *_groups(part, level),
        item_grid(_right(part), part.items, "right"),
        raters,
    ]
    accuracy = 100 * float(part.accuracy.mean())
    return Section(
        name="verdicts_of_staircase" if part.staircase else "verdicts",
        title="Real or fake, in staircases" if part.staircase else "Real or fake",
        lead=f"{accuracy:.1f} % of all answers are right, where unsure counts a half; by chance it were 50 %.",
        shown=tuple(shown),
        notes=tuple(notes),
    )


def _right(part: VerdictPart) -> Floats:
    """1 for right, 0 for wrong and for unsure: who is unsure has not found it."""
    return np.where(np.isnan(part.called_real), 0.0, part.called_real == part.real)


def _pooled(part: VerdictPart, wrong: Floats, level: float) -> list[Estimate]:
    everyone = one_mean(part.accuracy, part.raters)
    low, high = everyone.intervals(level)
    two = Labels.of(np.where(part.real, "real", "fake").tolist())
    both = means_by(part.called_real, part.raters, two)
    whole = real_or_fake(both, two.names.index("real"), level)
    fake = two.names.index("fake") if "fake" in two.names else None
    counts = part.called_real.copy()
    alpha = krippendorff_alpha(np.array([0.0, 1.0]), _unit_counts(counts, part), Level.NOMINAL)
    rows = [
        pooled("accuracy, unsure a half", everyone.values[0], low[0], high[0]),
        *share_rows([f"{name} called real" for name in two.names], both, level),
        *share_rows(("judged wrongly (HYPE)",), one_mean(wrong, part.raters), level),
        pooled("Krippendorff's alpha, nominal", alpha),
        pooled("judgements", len(part.real)),
        pooled("raters", len(part.raters.names)),
    ]
    if fake is not None:
        rows.insert(1, pooled("d'", whole.values[fake], whole.low[fake], whole.high[fake]))
    return rows


def _unit_counts(called: Floats, part: VerdictPart) -> Floats:
    table = first_values(called, part.raters, part.items)
    return np.stack([(table == value).sum(0) for value in (0.0, 1.0)], 1).astype(float)


def _groups(part: VerdictPart, level: float) -> list[Shown]:
    """Accuracy and other columns by what raters said of themselves, where a column has few values that are words."""
    tables: list[Shown] = []
    per_rater = np.bincount(part.raters.index, part.accuracy) / np.bincount(part.raters.index)
    for column, values in part.about_raters.items():
        kinds = sorted(set(values))
        if len(kinds) > _FEW_VALUES or _all_numbers(values):
            continue
        rows = []
        for kind in kinds:
            mine = np.array([value == kind for value in values])
            found = one_mean(per_rater[mine], Labels.of([str(i) for i in np.flatnonzero(mine)]))
            low, high = found.intervals(level)
            rows.append(pooled(f"{kind or 'not said'}: accuracy", found.values[0], low[0], high[0]))
            rows.append(pooled(f"{kind or 'not said'}: raters", int(mine.sum())))
            rows += _means_of_numbers(part, mine, kind)
        tables.append(listed(f"by {column}", f"By {column}", rows, "Each rater counts once."))
    return tables


def _means_of_numbers(part: VerdictPart, mine: np.ndarray, kind: str) -> list[Estimate]:
    rows = []
    for other, values in part.about_raters.items():
        if _all_numbers(values):
            numbers = np.array([float(value) for value in values])[mine]
            rows.append(pooled(f"{kind or 'not said'}: mean {other}", numbers.mean()))
    return rows


def _all_numbers(values: tuple[str, ...]) -> bool:
    try:
        return bool(values) and all(np.isfinite(float(value)) for value in values)
    except ValueError:
        return False


def _raters(part: VerdictPart) -> Grid:
    fits = hit_raters(part.accuracy, part.raters.index, part.items.index, len(part.raters.names))
    return rater_grid(part.raters.names, fits, median_seconds(part.ms, part.raters), None)
