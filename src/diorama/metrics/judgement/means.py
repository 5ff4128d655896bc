"""Means and shares of several systems whose judgements come from the same raters, with intervals over raters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from diorama.metrics.judgement.clusters import Clustered, clustered, quantile
from diorama.metrics.judgement.paired import Floats, Integers


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means of k systems.

    Args:
        values: (…, k); no number where nothing was judged.
        counts: (…, k) judgements of each.
        raters: how many gave any.
        draws: (…, k) raters of each system; with one rater, judgements of each.
        over_raters: the covariance over draws of raters; with one rater, over judgements taken as independent.
        clustered: whether there were raters enough, at least two, to take them as draws.
    """

    values: Floats
    counts: Floats
    raters: int
    draws: Floats
    over_raters: Clustered
    clustered: bool

    def spread(self, contrast: Floats) -> tuple[Floats, Floats]:
        """Standard error (…, r) of contrasts (r, k) of the means, and degrees of freedom (infinite for one rater).

        No number where a system was judged once, or by one of several raters: that says nothing of the spread.
        """
        error, freedom = self.over_raters.spread(contrast)
        alone = np.einsum("rk,...k->...r", (contrast != 0).astype(float), (self.draws < 2).astype(float)) > 0
        error = np.where(alone, math.nan, error)
        return error, freedom if self.clustered else np.full_like(freedom, math.inf)

    def intervals(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Student's intervals (…, k) of the means."""
        error, freedom = self.spread(np.eye(self.values.shape[-1]))
        reach = quantile(freedom, level) * error
        return self.values - reach, self.values + reach


def means(sums: Floats, counts: Floats, squares: Floats) -> Means:
    """Means from what each rater gave.

    Args:
        sums: (…, g, k) of the values that rater g gave to system k.
        counts: (…, g, k) how many.
        squares: (…, g, k) sums of the squared values, which matter for a single rater alone.
    """
    total = counts.sum(-2)
    values = np.divide(sums.sum(-2), total, out=np.full(total.shape, math.nan), where=total > 0)
    settled = np.nan_to_num(values)
    k, raters = total.shape[-1], int((counts.sum(-1) > 0).sum(-1).max(initial=0))
    draws = total if raters < 2 else (counts > 0).sum(-2).astype(float)
    if raters < 2:
        deviations = squares.sum(-2) - total * settled**2
        variance = np.divide(deviations, total * np.maximum(total - 1, 1), out=np.zeros_like(total), where=total > 0)
        found = Clustered(variance[..., None] * np.eye(k), np.zeros((*total.shape[:-1], 1, k, k)))
        return Means(values=values, counts=total, raters=raters, draws=draws, over_raters=found, clustered=False)
    # A system that nobody judged keeps some information, so that the matrix has an inverse.
    weight = counts + np.where(total > 0, 0.0, 1.0)[..., None, :]
    found = clustered(weight[..., None] * np.eye(k), sums - counts * settled[..., None, :])
    return Means(values=values, counts=total, raters=raters, draws=draws, over_raters=found, clustered=True)


def gathered(values: Floats, rater: Integers, system: Integers, shape: tuple[int, int]) -> tuple[Floats, ...]:
    """Sums, counts and sums of squares (g, k) of values (j,), as :func:`means` takes them.

    Args:
        values: (j,).
        rater: (j,) who gave each.
        system: (j,) to which.
        shape: numbers of raters and systems.
    """
    tables = tuple(np.zeros(shape) for _ in range(3))
    for table, each in zip(tables, (values, np.ones_like(values), values**2), strict=True):
        np.add.at(table, (rater, system), each)
    return tables[0], tables[1], tables[2]


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of k systems with Wilson's intervals, in which judgements count as many independent ones as they tell.

    Args:
        values: (…, k) in [0, 1].
        low: (…, k).
        high: (…, k).
        effective: (…, k) independent judgements with the same variance.
    """

    values: Floats
    low: Floats
    high: Floats
    effective: Floats


def shares(found: Means, level: float = 0.95) -> Shares:
    """Shares from means of zeros and ones.

    Where all judgements agree, they count as one a rater.

    Reference: E. B. Wilson 1927, JASA 22; E. L. Korn, B. I. Graubard 1998, Survey Methodology 24 (effective counts).
    """
    p, n = found.values, found.counts
    error, freedom = found.spread(np.eye(p.shape[-1]))
    alike = float(found.raters) if found.clustered else n
    effective = np.divide(p * (1 - p), error**2, out=np.minimum(alike, n) * np.ones_like(n), where=error > 1e-12)
    effective = np.maximum(np.minimum(effective, n), 1e-9)
    z = quantile(freedom, level)
    centre = (p + z * z / (2 * effective)) / (1 + z * z / effective)
    reach = z / (1 + z * z / effective) * np.sqrt(p * (1 - p) / effective + z * z / (4 * effective**2))
    low, high = np.maximum(centre - reach, 0.0), np.minimum(centre + reach, 1.0)
    return Shares(values=p, low=low, high=high, effective=effective)


def probits(shares: Floats | float) -> Floats:
    """Standard normal quantiles of shares in [0, 1]."""
    return np.asarray(ndtri(shares))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values raised so that all tests together err with the level of one.

    Reference: S. Holm 1979, Scandinavian Journal of Statistics 6.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    raised, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        raised[i] = highest
    return raised
