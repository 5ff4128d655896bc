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


def share_p(share: float, effective: float, freedom: float) -> float:
    """Two-sided p-value of a share that is a half under the hypothesis.

    It is the score test that Wilson's interval inverts, so that the two agree, also where all answers are right.

    Args:
        share: in [0, 1].
        effective: independent judgements that tell as much.
        freedom: as in :func:`student_p`.
    """
    return student_p(share - 0.5, 0.5 / math.sqrt(effective), freedom)


def student_p(value: float, error: float, freedom: float) -> float:
    """Two-sided p-value of an estimate that is zero under the hypothesis.

    Where all raters agree to the last digit there is no error to divide by, and a sign test of so many raters stands
    in; with one rater or none it is 1.

    Args:
        value: the estimate.
        error: its standard error over raters.
        freedom: degrees of freedom, the effective number of raters less one; infinite for independent judgements.
    """
    if not error > 0:
        return min(1.0, 2 * 0.5 ** (freedom + 1)) if value and math.isfinite(freedom) else 1.0
    return float(2 * t.sf(abs(value) / error, freedom if math.isfinite(freedom) else 1e9))
