"""How far raters agree beyond chance, from counts of each value in each unit.

References: K. Krippendorff 2011, "Computing Krippendorff's alpha-reliability"; J. L. Fleiss 1971, Psychological
Bulletin 76; J. Cohen 1960, Educational and Psychological Measurement 20; W. A. Scott 1955, Public Opinion Quarterly
19; R. L. Brennan, D. J. Prediger 1981, Educational and Psychological Measurement 41; K. L. Gwet 2008, British Journal
of Mathematical and Statistical Psychology 61 (AC1, and missing values).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from diorama.metrics.judgement.paired import Floats

_AT_A_TIME = 1 << 22
"""Numbers that are held at once, whatever the size of a table."""


class Level(Enum):
    """The level of measurement, which says how far apart two values are."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"


def unit_counts(ratings: Floats) -> tuple[Floats, Floats]:
    """How often each value was given to each unit.

    Args:
        ratings: (raters, units); no number where nothing was rated.

    Returns:
        The distinct values (c,), rising, and counts (units, c).
    """
    given = np.isfinite(ratings)
    values, place = np.unique(ratings[given], return_inverse=True)
    counts = np.zeros((ratings.shape[1], len(values)))
    np.add.at(counts, (np.nonzero(given)[1], place), 1.0)
    return values, counts


def krippendorff_alpha(values: Floats, counts: Floats, level: Level) -> float:
    """Krippendorff's alpha; units with fewer than two values say nothing and are left out.

    Args:
        values: (c,) distinct values, rising; for nominal ones any numbers.
        counts: (units, c).
        level: of measurement.

    Returns:
        Alpha, at most 1; no number where all values are one, since chance then explains everything.
    """
    pairable = counts[counts.sum(1) >= 2]
    return float(_alphas(values, pairable, level, np.ones((1, len(pairable))))[0])


def _alphas(values: Floats, counts: Floats, level: Level, weights: Floats) -> Floats:
    """(d,) alphas where each of the units, which all have two values or more, stands so many times.

    Args:
        values: (c,).
        counts: (units, c).
        level: of measurement.
        weights: (d, units).
    """
    others = counts.sum(1) - 1
    totals = weights @ counts
    if level is Level.ORDINAL:
        # Ordinal distances are squares of differences of mean ranks, which depend on how often each value occurs.
        ranks = np.cumsum(totals, -1) - totals / 2
        within = np.array([w @ (_apart(counts, r, level) / others) for w, r in zip(weights, ranks, strict=True)])
        between = np.array([_apart(t, r, level) for t, r in zip(totals, ranks, strict=True)])
    else:
        # What is subtracted from all values changes no difference, and keeps sums of squares exact.
        places = values - values.mean() if level is Level.INTERVAL and len(values) else values
        within = weights @ (_apart(counts, places, level) / others)
        between = _apart(totals, places, level)
    defined = ((totals > 0).sum(-1) > 1) & (between > 0)
    apart = (totals.sum(-1) - 1) * within
    return 1 - np.divide(apart, between, out=np.full_like(between, math.nan), where=defined)


def _apart(counts: Floats, places: Floats, level: Level) -> Floats:
    """(…) squared distances of all pairs of values in counts (…, c), each pair both ways round."""
    if level is Level.NOMINAL:
        return counts.sum(-1) ** 2 - (counts**2).sum(-1)
    if level is not Level.RATIO:
        return 2 * (counts.sum(-1) * (counts @ places**2) - (counts @ places) ** 2)
    found = np.zeros(counts.shape[:-1])
    room = max(1, _AT_A_TIME // max(1, len(places)))
    for start in range(0, len(places), room):
        some = slice(start, start + room)
        gap, both = places[:, None] - places[some], places[:, None] + places[some]
        distance = np.divide(gap, both, out=np.zeros_like(gap), where=both != 0) ** 2
        found += ((counts @ distance) * counts[..., some]).sum(-1)
    return found


def alpha_interval(
    values: Floats, counts: Floats, level: Level, *, confidence: float = 0.95, seed: int = 0, draws: int = 1000
) -> tuple[float, float]:
    """Interval of alpha over draws of units, by the percentiles of a bootstrap.

    Args:
        values: (c,).
        counts: (units, c).
        level: of measurement.
        confidence: nominal coverage.
        seed: of the draws.
        draws: how many.

    Reference: B. Efron, R. J. Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
    """
    pairable = counts[counts.sum(1) >= 2]
    units = len(pairable)
    if units < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    found = []
    room = max(1, _AT_A_TIME // units)
    for start in range(0, draws, room):
        weights = rng.multinomial(units, np.full(units, 1 / units), size=min(room, draws - start)).astype(float)
        found.append(_alphas(values, pairable, level, weights))
    alphas = np.concatenate(found)
    alphas = alphas[np.isfinite(alphas)]
    if not len(alphas):
        return math.nan, math.nan
    low, high = np.quantile(alphas, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement on categories without order.

    Args:
        percent: share of pairs of raters that agree, in [0, 1].
        fleiss: kappa of Fleiss; of Scott where there are two raters.
        ac1: Gwet's first coefficient.
        brennan_prediger: chance is one over the number of categories.
    """

    percent: float
    fleiss: float
    ac1: float
    brennan_prediger: float


def nominal_agreement(counts: Floats) -> Agreement:
    """Coefficients of categories from counts (units, c); units may have different numbers of raters.

    Units with one rating say what is common, and units without any nothing, as Gwet has it.
    """
    counts = counts[counts.sum(1) > 0]
    sizes = counts.sum(1)
    shares = (counts / sizes[:, None]).mean(0)
    several = counts[sizes >= 2]
    number = several.sum(1)
    percent = float(((several * (several - 1)).sum(1) / (number * (number - 1))).mean()) if len(several) else math.nan
    categories = counts.shape[1]
    chances = (
        float((shares**2).sum()),
        float((shares * (1 - shares)).sum()) / (categories - 1) if categories > 1 else math.nan,
        1 / categories,
    )
    fleiss, ac1, brennan = (_beyond(percent, chance) for chance in chances)
    return Agreement(percent=percent, fleiss=fleiss, ac1=ac1, brennan_prediger=brennan)


def _beyond(observed: float, chance: float) -> float:
    return (observed - chance) / (1 - chance) if chance < 1 else math.nan


def fleiss_z(counts: Floats) -> float:
    """Fleiss' kappa over its standard error where raters agree by chance alone; every unit has as many ratings.

    Reference: J. L. Fleiss, J. C. M. Nee, J. R. Landis 1979, Psychological Bulletin 86, equation 12.
    """
    units, raters = len(counts), float(counts[0].sum())
    p = counts.sum(0) / counts.sum()
    q = 1 - p
    spread = float((p * q).sum())
    variance = 2 * (spread**2 - float((p * q * (q - p)).sum())) / (spread**2 * units * raters * (raters - 1))
    return nominal_agreement(counts).fleiss / math.sqrt(variance)


@dataclass(frozen=True, kw_only=True)
class TwoRaters:
    """Agreement of two raters on categories.

    Args:
        cohen: Cohen's kappa.
        cohen_error: its standard error.
        scott: Scott's pi.
    """

    cohen: float
    cohen_error: float
    scott: float


def two_raters(table: Floats) -> TwoRaters:
    """Coefficients of a square table (c, c): rows are the first rater's categories, columns the second's.

    Reference: J. L. Fleiss, J. Cohen, B. S. Everitt 1969, Psychological Bulletin 72, equation 13 (standard error).
    """
    total = table.sum()
    p = table / total
    rows, columns = p.sum(1), p.sum(0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    kappa = _beyond(observed, chance)
    both = rows[None, :] + columns[:, None]
    agreeing = float((np.diag(p) * (1 - np.diag(both) * (1 - kappa)) ** 2).sum())
    other = float((p * (1 - np.eye(len(p))) * both**2).sum()) * (1 - kappa) ** 2
    last = (kappa - chance * (1 - kappa)) ** 2
    error = math.sqrt(max(agreeing + other - last, 0.0) / total) / (1 - chance) if chance < 1 else math.nan
    common = (rows + columns) / 2
    return TwoRaters(cohen=kappa, cohen_error=error, scott=_beyond(observed, float((common**2).sum())))


def intraclass(ratings: Floats) -> float:
    """ICC(A,1): agreement of single ratings where both raters and units are drawn at random.

    Args:
        ratings: (raters, units), complete, two of each at least; no number where all are one value.

    Reference: K. O. McGraw, S. P. Wong 1996, Psychological Methods 1, table 4.
    """
    k, n = ratings.shape
    mean = ratings.mean()
    between = k * float(((ratings.mean(0) - mean) ** 2).sum()) / (n - 1)
    raters = n * float(((ratings.mean(1) - mean) ** 2).sum()) / (k - 1)
    total = float(((ratings - mean) ** 2).sum())
    rest = (total - between * (n - 1) - raters * (k - 1)) / ((n - 1) * (k - 1))
    whole = between + (k - 1) * rest + k * (raters - rest) / n
    return (between - rest) / whole if whole else math.nan
