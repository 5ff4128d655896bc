"""Mean opinion of clips and pictures, the raters' biases, and opinion against a reference.

Reference: ITU-T P.913 2021, section 12.6 (rater bias); ITU-T P.910 2023, section 8.3 (differential scores).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diorama.metrics.judgement.paired import Floats

BEST = 5.0
"""The best score of the five-point scale."""


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """Mean opinion of each item.

    Args:
        mean: (i,) over raters.
        deviation: (i,) of scores, with n - 1.
        error: (i,) standard error of the mean.
        bias: (g,) how much higher than the others' mean each rater scores, on the items that he scored.
        without_bias: (i,) mean after each rater's bias was taken off.
        z_scored: (i,) mean of scores that have mean 0 and SD 1 (with n) for each rater.
    """

    mean: Floats
    deviation: Floats
    error: Floats
    bias: Floats
    without_bias: Floats
    z_scored: Floats


def opinions(scores: Floats) -> Opinions:
    """Mean opinion of scores (raters, items); no number where a rater did not score an item."""
    count = np.isfinite(scores).sum(0)
    mean = _mean(scores, 0)
    deviation = np.sqrt(_ratio(np.nansum((scores - mean) ** 2, 0), count - 1))
    bias = _mean(scores - mean, 1)
    middle = _mean(scores, 1)[:, None]
    spread = np.sqrt(_mean((scores - middle) ** 2, 1))[:, None]
    z = np.divide(scores - middle, spread, out=np.full_like(scores, math.nan), where=spread > 0)
    return Opinions(
        mean=mean,
        deviation=deviation,
        error=deviation / np.sqrt(np.maximum(count, 1)),
        bias=bias,
        without_bias=_mean(scores - bias[:, None], 0),
        z_scored=_mean(z, 0),
    )


def differential(scores: Floats, reference: Sequence[int]) -> Floats:
    """Scores (raters, items) against each rater's own score of the item's reference, moved so that equal is 5.

    Args:
        scores: (raters, items).
        reference: of each item, the number of its reference among the items.
    """
    return scores - scores[:, list(reference)] + BEST


def _mean(values: Floats, axis: int) -> Floats:
    return _ratio(np.nansum(values, axis), np.isfinite(values).sum(axis))


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.full(np.shape(sums), math.nan), where=counts > 0)
