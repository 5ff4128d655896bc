"""What forced choices say: how often the true one is found, and d'."""

from __future__ import annotations

import numpy as np

from diorama.evaluation.people.means import means_by, one_mean
from diorama.evaluation.people.parts import ChoicePart, CountPart, VotePart
from diorama.metrics.judgement.consistency import hit_raters
from diorama.metrics.judgement.detection import forced_choice, two_ac
from diorama.metrics.judgement.hypotheses import binomial_p, share_p
from diorama.metrics.judgement.means import Means, holm, shares
from diorama.metrics.judgement.paired import Floats
from diorama.study.analysis.findings import Estimate, Estimates, Grid, Section
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


def choice_section(part: ChoicePart, level: float) -> Section:
    """Forced choices between a true picture and a system's."""
    hits = part.right.astype(float)
    found = means_by(hits, part.raters, part.systems)
    names = part.systems.names
    everyone, sided = one_mean(hits, part.raters), one_mean(part.left.astype(float), part.raters)
    sensitivity, whole = forced_choice(found, level), forced_choice(everyone, level)
    raters = _raters(part, hits)
    pooled_rows = [
        *share_rows(("share of right answers",), everyone, level),
        pooled("d'", whole.values[0], whole.low[0], whole.high[0]),
        *share_rows(("share of left",), sided, level),
        pooled("judgements", len(hits)),
        pooled("raters", len(part.raters.names)),
    ]
    corrected = [name for name, moved in zip(names, sensitivity.corrected, strict=True) if moved]
    notes = flag_notes(raters)
    if corrected:
        notes.append(f"All or none were right for {', '.join(corrected)}: d' is that of half a judgement less.")
    return Section(
        name="choices",
        title="Telling true from false, side by side",
        lead=f"The true one is found in {100 * float(everyone.values[0]):.1f} % of choices; by chance it were 50 %.",
        shown=(
            Estimates(
                name="dprime",
                title="d' of each system",
                rows=interval_rows(names, sensitivity.values, sensitivity.low, sensitivity.high),
                note=f"0 for systems that nobody tells from true ones; lower is better. {over_raters(found)}",
            ),
            Estimates(
                name="right",
                title="Share of right answers",
                rows=share_rows(names, found, level),
                note=f"A half for systems that nobody tells from true ones. {over_raters(found)}",
                chart=False,
            ),
            listed("all", "All systems together", pooled_rows),
            _tests(names, found, level),
            item_grid(hits, part.items, "right"),
            raters,
        ),
        notes=tuple(notes),
    )


def _tests(names: tuple[str, ...], found: Means, level: float) -> Grid:
    _, freedom = found.spread(np.eye(len(names)))
    effective = shares(found, level).effective
    by_raters = [
        share_p(float(p), float(e), float(f)) for p, e, f in zip(found.values, effective, freedom, strict=True)
    ]
    hits = np.round(found.values * found.counts)
    by_count = [binomial_p(h, n) for h, n in zip(hits, found.counts, strict=True)]
    rows = zip(names, hits, found.counts, effective, by_raters, holm(by_raters), by_count, holm(by_count), strict=True)
    return Grid(
        name="tests",
        title="Against chance",
        columns=("system", "right", "answers", "worth", "p", "p (Holm)", "binomial p", "binomial p (Holm)"),
        rows=tuple((name, int(h), int(n), float(e), *map(float, ps)) for name, h, n, e, *ps in rows),
        note=(
            "Worth: as many independent answers as these tell. p is over raters; the binomial p takes answers as "
            "independent."
        ),
    )


def _raters(part: ChoicePart, hits: Floats) -> Grid:
    fits = hit_raters(hits, part.raters.index, part.systems.index, len(part.raters.names))
    left = np.bincount(part.raters.index, part.left) / np.bincount(part.raters.index)
    return rater_grid(part.raters.names, fits, median_seconds(part.ms, part.raters), left)


def count_section(part: CountPart, level: float) -> Section:
    """Forced choices with ties of single examples, by the 2-AC model."""
    shown, notes = [], []
    for name, (left, tie, right) in zip(part.names, part.counts, strict=True):
        if not (left > 0 and right > 0):
            notes.append(f"{name}: one side was never chosen, so that d' is infinite; it is left out.")
            continue
        found = two_ac(left, tie, right, level)
        rows = (
            Estimate(name="d'", value=found.dprime, low=found.low, high=found.high, error=found.dprime_error),
            Estimate(name="tau", value=found.tau, error=found.tau_error),
            pooled("likelihood root", found.likelihood_root),
            pooled("p", found.p_value),
        )
        shown.append(listed(name, f"{name}: {left:g} left, {tie:g} tie, {right:g} right", rows))
        if not tie:
            notes.append(f"{name}: there are no ties, so that tau lies on its bound and has no standard error.")
    note = "Raters are not known: intervals of d' are profiles of the likelihood, and take judgements as independent."
    return Section(
        name="two_ac",
        title="Forced choices with ties (2-AC)",
        shown=tuple(shown),
        notes=(note, *notes),
    )


def vote_section(part: VotePart) -> Section:
    """Votes for one of two of each item, and how far metrics choose as people do."""
    total = part.votes.sum(1)
    first = np.divide(part.votes[:, 0], total, out=np.full(len(total), np.nan), where=total > 0)
    p_values = [binomial_p(part.votes[i, 0], total[i]) for i in range(len(total))]
    rows = [
        pooled(f"share of votes for {part.sides[0]}", np.nanmean(first)),
        pooled(f"share of votes for {part.sides[1]}", np.nanmean(1 - first)),
        pooled("best that any metric could reach", np.nanmean(np.maximum(first, 1 - first))),
        pooled("votes per item, least", total.min()),
        pooled("votes per item, most", total.max()),
        pooled("items with p < 0.05", sum(p < 0.05 for p in p_values)),
        pooled("items with p < 0.05 after Holm", sum(p < 0.05 for p in holm(p_values))),
    ]
    agreement = tuple(
        pooled(name, np.nanmean(_agreeing(first, values))) for name, values in sorted(part.metrics.items())
    )
    return Section(
        name="votes",
        title="Votes",
        shown=(
            Estimates(
                name="metrics",
                title="Share of votes for what a metric prefers",
                rows=agreement,
                note="A metric that gives both the same counts a half. Higher values of a metric are taken as better.",
                chart=False,
            ),
            listed("votes", "All items", rows),
        ),
    )


def _agreeing(first: Floats, values: Floats) -> Floats:
    """Of every item the share of votes for the side whose value is higher."""
    ahead = np.sign(values[:, 0] - values[:, 1])
    return np.where(ahead > 0, first, np.where(ahead < 0, 1 - first, 0.5))
