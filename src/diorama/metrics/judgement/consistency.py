"""Raters against the others: who answers like chance, and how far a rater's answers are from what others would say.

Reference: M. Pérez-Ortiz, R. K. Mantiuk 2017, arXiv:1712.03686, section 5 (likelihood of a rater under the others'
scale); ITU-R BT.500-15, annex 1, section 2.3 (correlation of a rater's scores with the others').
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.stats import norm

from diorama.metrics.judgement.likelihood import design, differences, firth_counts, maximise
from diorama.metrics.judgement.paired import Floats, Integers, PairedJudgements
from diorama.metrics.judgement.responses import BradleyTerry

FAR = 1.5
"""Interquartile ranges below the lower quartile from which on a rater is far from the others."""
_FEW = 8
"""With fewer judgements nothing is said of a rater."""
_UNLIKELY = 0.01


class Manner(Enum):
    """What is to be looked at in a rater; the value says it in words."""

    LIKE_OTHERS = ""
    CHANCE = "answers like chance"
    AGAINST = "answers against the others"


@dataclass(frozen=True, kw_only=True)
class RaterFit:
    """How a rater's answers fit the others'.

    Args:
        count: answers.
        log_likelihood: of one answer in the mean, under what the others say.
        signal: how far the rater leans where the others lean, over its standard deviation for a rater like the
            others: 0 for one like them, negative for less.
        chance: the same over its standard deviation for answers by chance, without the mean taken off: 0 for chance.
        manner: what is to be looked at.
    """

    count: int
    log_likelihood: float
    signal: float
    chance: float
    manner: Manner


def lean(choice: Floats, chances: Floats, weight: Floats) -> RaterFit:
    """How far answers lean to where others' answers lean.

    Args:
        choice: (j,) 1 or 0, or a half for a tie.
        chances: (j,) of a 1, by the others, strictly between 0 and 1.
        weight: (j,) how clear the others are and in which direction: their log odds.
    """
    count = len(choice)
    leaning = float(((choice - 0.5) * weight).sum())
    by_chance = math.sqrt(float((weight**2).sum()) / 4)
    expected = float(((chances - 0.5) * weight).sum())
    like_others = math.sqrt(float((chances * (1 - chances) * weight**2).sum()))
    chance = leaning / by_chance if by_chance else math.nan
    signal = (leaning - expected) / like_others if like_others else math.nan
    fit = float((choice * np.log(chances) + (1 - choice) * np.log(1 - chances)).mean()) if count else math.nan
    return RaterFit(
        count=count,
        log_likelihood=fit,
        signal=signal,
        chance=chance,
        manner=_manner(count, signal, chance),
    )


def _manner(count: int, signal: float, chance: float) -> Manner:
    """Far less like the others than one of them would be, and then no better than chance, or clearly against them."""
    if count < _FEW or not signal < norm.ppf(_UNLIKELY):
        return Manner.LIKE_OTHERS
    if chance < norm.ppf(0.05):
        return Manner.AGAINST
    return Manner.CHANCE if chance < norm.ppf(0.95) else Manner.LIKE_OTHERS


def pair_raters(judgements: PairedJudgements) -> list[RaterFit]:
    """How each rater's choices fit strengths that are estimated without him.

    Ties count as half a choice. Systems need not be connected once a rater is left out: a penalty holds the strengths.
    """
    if judgements.rater is None:
        return []
    response = BradleyTerry()
    plan = design(judgements.pairs, len(judgements.names))
    total = judgements.counts
    halved = np.stack([total[:, 0] + total[:, 2] / 2, total[:, 1] + total[:, 2] / 2, np.zeros(len(total))], -1)
    # A small penalty, so that nobody's leaving lets strengths run away.
    padding = np.minimum(firth_counts(plan, halved) - halved, 0.5) + 0.05
    padding[:, 2] = 0.0
    found = []
    for rater in range(judgements.raters):
        mine = judgements.rater == rater
        own = np.zeros_like(total)
        np.add.at(own, (judgements.pair[mine], judgements.choice[mine]), judgements.weight[mine])
        shared = np.stack([own[:, 0] + own[:, 2] / 2, own[:, 1] + own[:, 2] / 2, np.zeros(len(own))], -1)
        fit = maximise(plan, halved - shared + padding, response)
        gaps, _ = differences(plan, response, fit.parameters)
        gap = gaps[judgements.pair[mine]]
        choice = np.choose(judgements.choice[mine], [1.0, 0.0, 0.5])
        found.append(lean(choice, 1 / (1 + np.exp(-gap)), gap))
    return found


def hit_raters(hits: Floats, rater: Integers, unit: Integers, raters: int) -> list[RaterFit]:
    """How each rater's right answers fit those of the others to the same units.

    Args:
        hits: (j,) 1 for right, 0 for wrong, a half for unsure.
        rater: (j,).
        unit: (j,) what was judged: an item or a system.
        raters: how many.
    """
    size = int(unit.max()) + 1
    sums, counts = np.bincount(unit, hits, size), np.bincount(unit, minlength=size)
    overall = float(hits.mean())
    found = []
    for i in range(raters):
        mine = rater == i
        units = unit[mine]
        left = counts - np.bincount(units, minlength=size)
        others = sums - np.bincount(units, hits[mine], size)
        # Four answers of the overall share stand in for those that a unit lacks.
        chances = np.clip((others + 4 * overall) / (left + 4), 0.02, 0.98)[units]
        found.append(lean(hits[mine], chances, np.log(chances / (1 - chances))))
    return found


@dataclass(frozen=True, kw_only=True)
class ScoreFit:
    """How a rater's scores go with the others' mean of the same items.

    Args:
        count: scores.
        correlation: Pearson's; no number where the rater gave one score alone.
        bias: how much higher he scores.
        manner: what is to be looked at.
    """

    count: int
    correlation: float
    bias: float
    manner: Manner


def score_raters(scores: Floats) -> list[ScoreFit]:
    """Scores (raters, items), no number where there is none, each rater against the mean of the others."""
    total, count = np.nansum(scores, 0), np.isfinite(scores).sum(0)
    pairs = []
    for row in scores:
        mine = np.isfinite(row) & (count > 1)
        others = (total[mine] - row[mine]) / (count[mine] - 1)
        pairs.append((row[mine], others))
    correlations = [_correlation(mine, others) for mine, others in pairs]
    middle = float(np.nanmedian(correlations)) if np.isfinite(correlations).any() else math.nan
    return [
        ScoreFit(
            count=len(mine),
            correlation=r,
            bias=float((mine - others).mean()) if len(mine) else math.nan,
            manner=_score_manner(r, middle, len(mine)),
        )
        for r, (mine, others) in zip(correlations, pairs, strict=True)
    ]


def _correlation(first: Floats, second: Floats) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _score_manner(r: float, middle: float, count: int) -> Manner:
    """By Fisher's transform of correlations; one score for everything is chance."""
    if count < _FEW or not math.isfinite(middle):
        return Manner.LIKE_OTHERS
    if not math.isfinite(r):
        return Manner.CHANCE
    root = math.sqrt(count - 3)
    own, usual = (math.atanh(max(min(each, 0.999), -0.999)) for each in (r, middle))
    return _manner(count, (own - usual) * root, own * root)


def far_from_others(log_likelihoods: Floats) -> Floats:
    """How many interquartile ranges each rater's log likelihood lies below the lower quartile; 0 inside.

    Args:
        log_likelihoods: (raters,) of all answers of each.
    """
    low, high = np.quantile(log_likelihoods, [0.25, 0.75], method="hazen")
    apart = high - low
    if not apart > 0:
        return np.zeros(len(log_likelihoods))
    return np.maximum((low - log_likelihoods) / apart, 0.0)
