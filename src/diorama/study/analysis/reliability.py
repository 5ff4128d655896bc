"""How far raters agree: among one another, with themselves, and with items whose answer is known."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line
from diorama.evaluation.people.means import one_mean
from diorama.evaluation.people.parts import AttentionPart, Labels, PairPart, RatingPart, TripletPart, first_values
from diorama.metrics.judgement.agreement import (
    Level,
    alpha_interval,
    fleiss_z,
    krippendorff_alpha,
    nominal_agreement,
    two_raters,
)
from diorama.metrics.judgement.consistency import FAR, far_from_others, pair_raters
from diorama.metrics.judgement.paired import LEFT, TIE, Floats
from diorama.study.analysis.findings import Estimate, Estimates, Grid, Section
from diorama.study.analysis.rates import flag_notes, listed, median_seconds, pooled, rater_grid, share_rows

_ATTENTIVE = 0.5
"""Raters who pass fewer attention items than this share are named."""


def rating_section(part: RatingPart, level: float) -> Section:
    """All coefficients of agreement that the ratings allow."""
    nominal = nominal_agreement(part.counts)
    rows = [
        pooled("percent agreement", nominal.percent),
        _alpha(part.values, part.counts, Level.NOMINAL, level),
        pooled("Fleiss' kappa", nominal.fleiss),
        pooled("Gwet's AC1", nominal.ac1),
        pooled("Brennan–Prediger", nominal.brennan_prediger),
    ]
    sizes = part.counts.sum(1)
    if sizes.min() >= 2 and sizes.min() == sizes.max():
        rows.append(pooled("z of Fleiss' kappa", fleiss_z(part.counts)))
    if part.numeric:
        rows += [_alpha(part.values, part.counts, kind, level) for kind in (Level.ORDINAL, Level.INTERVAL)]
        if part.values.min() >= 0:
            rows.append(_alpha(part.values, part.counts, Level.RATIO, level))
    table = part.table if part.table is not None else _table(part)
    if table is not None:
        two = two_raters(table)
        rows.append(Estimate(name="Cohen's kappa", value=two.cohen, error=two.cohen_error))
        rows.append(pooled("Scott's pi", two.scott))
    alone = int((sizes == 1).sum())
    notes = []
    if alone:
        notes.append(f"{counted(alone, 'unit')} with one value: alpha leaves them out.")
    if not part.numeric:
        notes.append("Values are words or categories without an order, so that only nominal coefficients are told.")
    rows += [pooled("units", int((sizes > 0).sum())), pooled("values", int(sizes.sum()))]
    note = "Intervals of alpha are over units (bootstrap)."
    return Section(
        name="agreement",
        title="Agreement",
        shown=(listed("agreement", "Coefficients", rows, note),),
        notes=tuple(notes),
    )


def _alpha(values: Floats, counts: Floats, kind: Level, level: float) -> Estimate:
    low, high = alpha_interval(values, counts, kind, confidence=level)
    return pooled(f"Krippendorff's alpha, {kind.value}", krippendorff_alpha(values, counts, kind), low, high)


def _table(part: RatingPart) -> Floats | None:
    """The table of two raters, where there are two."""
    if part.ratings is None or len(part.ratings) != 2:
        return None
    first, second = part.ratings[:, np.isfinite(part.ratings).all(0)]
    return np.array([[float(((first == a) & (second == b)).sum()) for b in part.values] for a in part.values])


def pair_reliability(part: PairPart, level: float) -> Section | None:
    """Agreement on pairs, consistency of repeats, and raters against the others; nothing without raters."""
    judged = part.judgements
    if judged.rater is None:
        return None
    low = np.minimum(judged.left, judged.right)
    first = np.where(judged.choice == TIE, 1.0, np.where((judged.choice == LEFT) == (judged.left == low), 0.0, 2.0))
    units = _unit_numbers(part, low)
    counts = np.zeros((int(units.max()) + 1, 3))
    # One rater's second answer to the same pair and item is no second opinion.
    seen = {(int(r), int(u)): i for i, (r, u) in reversed(list(enumerate(zip(judged.rater, units, strict=True))))}
    kept = np.array(sorted(seen.values()))
    np.add.at(counts, (units[kept], first[kept].astype(int)), 1.0)
    counts = counts[:, counts.sum(0) > 0]
    rows = [_alpha(np.arange(counts.shape[1], dtype=float), counts, Level.NOMINAL, level)]
    again = _repeats(part, units, first, level)
    if again is not None:
        rows.append(again)
    fits = pair_raters(judged)
    left = [float(np.mean(judged.choice[judged.rater == i] == LEFT)) for i in range(judged.raters)]
    seconds = median_seconds(part.ms, Labels(part.raters, judged.rater))
    grid = rater_grid(part.raters, fits, seconds, np.array(left))
    far = far_from_others(np.array([fit.log_likelihood for fit in fits]))
    names = [name for name, score in zip(part.raters, far, strict=True) if score > FAR]
    notes = flag_notes(grid)
    if names:
        notes.append(
            f"The answers of {in_a_line(names, 8)} are far less likely under the others' strengths than those of most "
            f"raters (more than {FAR} interquartile ranges below the lower quartile)."
        )
    return Section(
        name="raters",
        title="Raters",
        shown=(listed("agreement", "Agreement", rows, "Alpha is over pairs and items."), *_items(part), grid),
        notes=tuple(notes),
    )


def _items(part: PairPart) -> list[Grid]:
    """How far choices on each item follow the majority over all items, the most divided first."""
    if part.items is None or len(part.items.names) < 2:
        return []
    judged = part.judgements
    ahead = judged.wins() - judged.wins().T
    side = np.sign(ahead[judged.left, judged.right]) * np.select(
        [judged.choice == LEFT, judged.choice == TIE], [1, 0], -1
    )
    follows = np.where(side > 0, 1.0, np.where(side < 0, 0.0, 0.5))
    size = len(part.items.names)
    counts = np.bincount(part.items.index, minlength=size)
    share = np.bincount(part.items.index, follows, size) / counts
    ties = np.bincount(part.items.index, judged.choice == TIE, size) / counts
    rows = [
        (part.items.names[i], int(counts[i]), float(share[i]), float(ties[i])) for i in np.argsort(share, kind="stable")
    ]
    note = "With the majority of all items on the same pair; a tie counts a half."
    columns = ("item", "answers", "with the majority", "ties")
    return [
        Grid(
            name="items",
            title="Items, the most divided first",
            columns=columns,
            rows=tuple(rows),
            note=note,
            folded=True,
        )
    ]


def _unit_numbers(part: PairPart, low: np.ndarray) -> np.ndarray:
    judged = part.judgements
    high = np.maximum(judged.left, judged.right)
    scene = np.zeros(len(low), np.int64) if part.items is None else part.items.index
    codes = (scene * len(judged.names) + low) * len(judged.names) + high
    return np.unique(codes, return_inverse=True)[1]


def _repeats(part: PairPart, units: np.ndarray, first: Floats, level: float) -> Estimate | None:
    """The share of repeated showings that the rater answered as the first time, over raters."""
    if not len(part.repeats) or not part.repeats.any():
        return None
    rater = part.judgements.rater
    assert rater is not None
    before: dict[tuple[int, int], float] = {}
    same: dict[int, list[float]] = defaultdict(list)
    for i in np.argsort(part.repeats, kind="stable"):
        key = (int(rater[i]), int(units[i]))
        if part.repeats[i] and key in before:
            same[key[0]].append(float(before[key] == first[i]))
        before.setdefault(key, float(first[i]))
    values = [value for found in same.values() for value in found]
    if not values:
        return None
    owners = Labels.of([str(who) for who, found in same.items() for _ in found])
    return share_rows(("repeats answered alike",), one_mean(np.array(values), owners), level)[0]


def attention_section(part: AttentionPart, level: float) -> Section:
    """Who passed the attention items."""
    passed = part.passed.astype(float)
    count = np.bincount(part.raters.index)
    each = np.bincount(part.raters.index, passed) / count
    order = np.argsort(each, kind="stable")
    rows = tuple((part.raters.names[i], int(count[i]), float(each[i])) for i in order)
    poor = [part.raters.names[i] for i in order if each[i] < _ATTENTIVE]
    notes = []
    if poor:
        notes.append(f"Fewer than half of the attention items were passed by {in_a_line(poor, 8)}. All are kept.")
    return Section(
        name="attention",
        title="Attention",
        shown=(
            listed("passed", "Attention items passed", share_rows(("all",), one_mean(passed, part.raters), level)),
            Grid(
                name="raters",
                title="By rater, the fewest first",
                columns=("rater", "items", "passed"),
                rows=rows,
                folded=True,
            ),
        ),
        notes=tuple(notes),
    )


def triplet_section(part: TripletPart, level: float) -> Section:
    """How far raters agree on which of two is more like a third."""
    first = part.first.astype(float)
    table = first_values(first, part.raters, part.triplets)
    counts = np.stack([(table == value).sum(0) for value in (1.0, 0.0)], 1).astype(float)
    total = counts.sum(1)
    share = np.maximum(counts[:, 0], counts[:, 1]) / np.maximum(total, 1)
    rows = tuple(
        (name, int(total[i]), float(share[i]), "first" if counts[i, 0] >= counts[i, 1] else "second")
        for i, name in enumerate(part.triplets.names)
    )
    seconds = median_seconds(part.ms, part.raters)
    pooled_rows = [
        _alpha(np.array([0.0, 1.0]), counts, Level.NOMINAL, level),
        pooled("mean share of the majority", share.mean()),
        *share_rows(("share of left",), one_mean(part.left.astype(float), part.raters), level),
        pooled("triplets", len(part.triplets.names)),
        pooled("raters", len(part.raters.names)),
        pooled("median seconds of the median rater", np.nanmedian(seconds) if np.isfinite(seconds).any() else math.nan),
    ]
    shown: tuple[Estimates | Grid, ...] = (
        listed("all", "All triplets", pooled_rows),
        Grid(name="triplets", title="Triplets", columns=("triplet", "answers", "majority", "option"), rows=rows),
    )
    return Section(name="triplets", title="Triplets", shown=shown)
