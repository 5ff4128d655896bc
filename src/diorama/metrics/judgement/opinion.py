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
        standardised: (i,) the means, brought to mean 0 and SD 1 (with n) over items.
    """

    mean: Floats
    deviation: Floats
    error: Floats
    bias: Floats
    without_bias: Floats
    standardised: Floats


def opinions(scores: Floats) -> Opinions:
    """Mean opinion of scores (raters, items); no number where a rater did not score an item."""
    count = np.isfinite(scores).sum(0)
    mean = _mean(scores, 0)
    deviation = np.sqrt(_ratio(np.nansum((scores - mean) ** 2, 0), count - 1))
    bias = _mean(scores - mean, 1)
    spread = float(np.nanstd(mean))
    return Opinions(
        mean=mean,
        deviation=deviation,
        error=deviation / np.sqrt(np.maximum(count, 1)),
        bias=bias,
        without_bias=_mean(scores - bias[:, None], 0),
        standardised=(mean - np.nanmean(mean)) / spread if spread else np.zeros_like(mean),
    )


def differential(scores: Floats, items: Sequence[int], references: Sequence[int]) -> Floats:
    """Scores (raters, k) against each rater's own score of the reference, moved so that equal is 5.

    Args:
        scores: (raters, items).
        items: k of them.
        references: of each of the k, the item that is its reference.
    """
    return scores[:, list(items)] - scores[:, list(references)] + BEST


def _mean(values: Floats, axis: int) -> Floats:
    return _ratio(np.nansum(values, axis), np.isfinite(values).sum(axis))


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.full(np.shape(sums), math.nan), where=counts > 0)
