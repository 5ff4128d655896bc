"""HYPE_time: how long people must look before they tell a system's pictures from real ones.

Reference: S. Zhou, M. L. Gordon, R. Krishna et al. 2019, "HYPE: A benchmark for human eye perceptual evaluation of
generative models", NeurIPS, arXiv:1904.01121 (HYPE_time); T. C. Hesterberg 2015, "What teachers should know about the
bootstrap", The American Statistician 69, section 4.3 (percentiles of few draws).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from diorama.metrics.judgement.paired import Floats

_DRAWS = 10_000
_AT_ONCE = 1 << 20


def modal_exposure(ms: Floats) -> float:
    """The exposure that was shown most often, the shortest of several; in the unit of ``ms`` (j,)."""
    values, counts = np.unique(ms, return_counts=True)
    return float(values[np.argmax(counts)])


@dataclass(frozen=True, kw_only=True)
class MeanOfRaters:
    """A mean of one number a rater, with its interval.

    Args:
        value: the mean.
        low: no number for fewer than two raters.
        high: likewise.
        raters: how many.
    """

    value: float
    low: float
    high: float
    raters: int


def bootstrapped(values: Floats, level: float = 0.95, *, seed: int = 0, draws: int = _DRAWS) -> MeanOfRaters:
    """The mean over raters with percentiles of a bootstrap that draws raters.

    The percentiles of n raters lie farther out than the level says, as far as Student's t does for a normal mean: plain
    ones are too narrow by the root of (n - 1) / n and by what t has over the normal distribution.

    Args:
        values: (g,) one of each rater.
        level: nominal coverage.
        seed: of the draws.
        draws: how many.
    """
    g = len(values)
    if g < 2:
        return MeanOfRaters(value=float(values.mean()), low=math.nan, high=math.nan, raters=g)
    rng = np.random.default_rng(seed)
    # A part of the draws at a time, so that many raters do not fill the memory.
    at_once = max(1, _AT_ONCE // g)
    parts = [min(at_once, draws - begun) for begun in range(0, draws, at_once)]
    means = np.concatenate([values[rng.integers(g, size=(part, g))].mean(1) for part in parts])
    tail = float(norm.cdf(-math.sqrt(g / (g - 1)) * t.isf((1 - level) / 2, g - 1)))
    low, high = np.quantile(means, [tail, 1 - tail])
    return MeanOfRaters(value=float(values.mean()), low=float(low), high=float(high), raters=g)
