"""Tests of single hypotheses: binomial ones, and of estimates over raters."""

from __future__ import annotations

import math

from scipy.stats import binomtest, t

LEVEL = 0.95


def binomial_p(hits: float, total: float, share: float = 0.5) -> float:
    """Two-sided exact binomial p-value; 1 where there was nothing to count.

    Args:
        hits: whole.
        total: whole.
        share: under the hypothesis.
    """
    return float(binomtest(round(hits), round(total), share).pvalue) if total >= 1 else 1.0


def student_p(value: float, error: float, freedom: float) -> float:
    """Two-sided p-value of an estimate that is zero under the hypothesis; 1 where it has no error."""
    if not error > 0:
        return 1.0
    return float(2 * t.sf(abs(value) / error, freedom if math.isfinite(freedom) else 1e9))
