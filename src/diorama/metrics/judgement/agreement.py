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
    values = np.unique(ratings[np.isfinite(ratings)])
    return values, (ratings.T[:, :, None] == values).sum(1).astype(float)


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
    return _alpha(values, _coincidences(pairable).sum(0), level)


def _coincidences(counts: Floats) -> Floats:
    """(units, c, c) of units of two values or more: pairs of values in each, a unit's pairs weighing as its values."""
    sizes = counts.sum(1)[:, None, None]
    same = counts[:, :, None] * np.eye(counts.shape[1])
    return (counts[:, :, None] * counts[:, None, :] - same) / (sizes - 1)


def _alpha(values: Floats, coincidences: Floats, level: Level) -> float:
    totals = coincidences.sum(0)
    distance = _distances(values, totals, level)
    expected = float((np.outer(totals, totals) * distance).sum())
    if expected <= 0:
        return math.nan
    return 1 - (totals.sum() - 1) * float((coincidences * distance).sum()) / expected


def _distances(values: Floats, totals: Floats, level: Level) -> Floats:
    """Squared distances (c, c); the ordinal ones depend on how often each value occurs."""
    if level is Level.NOMINAL:
        return 1.0 - np.eye(len(values))
    if level is Level.ORDINAL:
        middle = np.cumsum(totals) - totals / 2
        return (middle[:, None] - middle[None, :]) ** 2
    apart = values[:, None] - values[None, :]
    if level is Level.INTERVAL:
        return apart**2
    both = values[:, None] + values[None, :]
    return np.divide(apart, both, out=np.zeros_like(apart), where=both != 0) ** 2


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
    each = _coincidences(counts[counts.sum(1) >= 2])
    if len(each) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=draws)
    drawn = (weights @ each.reshape(len(each), -1)).reshape(draws, *each.shape[1:])
    alphas = np.array([_alpha(values, each_draw, level) for each_draw in drawn])
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
