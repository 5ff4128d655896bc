"""Intervals for means, shares and counts, and for distances that cannot be negative."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor

from diorama.evaluation.protocol import Interval


def mean_interval(
    values: Float[Tensor, " n"], *, level: float = 0.95, group: int = 1, low: float = -math.inf, high: float = math.inf
) -> Interval:
    """Student's t interval for the mean of independent groups of values.

    Args:
        values: (n,); rows of one group (frames of one clip) follow one another.
        level: nominal coverage.
        group: rows of a group, which count as one draw.
        low: the least the mean can be.
        high: the most the mean can be.
    """
    means = values.double().reshape(-1, group).mean(1)
    centre, count = float(means.mean()), len(means)
    what = "t interval" if group == 1 else "t interval over clips"
    if count < 2:
        return Interval(
            low=min(low, centre), high=max(high, centre), level=level, method=f"{what}: one draw says nothing"
        )
    reach = float(stdtrit(count - 1, 0.5 + level / 2)) * float(means.std()) / math.sqrt(count)
    return Interval(low=max(centre - reach, low), high=min(centre + reach, high), level=level, method=what)


def share_interval(
    hits: Float[Tensor, " n"], *, level: float = 0.95, group: int = 1, variance: float | None = None
) -> Interval:
    """Wilson's interval for a share, from zeros and ones.

    Where they depend on one another, they count as many independent ones as have the same variance of their mean. So
    the interval has width even where all agree.

    Args:
        hits: (n,) zeros and ones; rows of one group (frames of one clip) follow one another.
        level: nominal coverage.
        group: rows of a group, which may depend on one another.
        variance: of the share, where groups depend on one another as well; by default that of the groups' shares.

    Reference: E. B. Wilson 1927, JASA 22; the effective count: L. Kish 1965, "Survey Sampling", section 8.2.
    """
    hits = hits.double()
    p, n, groups = float(hits.mean()), float(len(hits)), len(hits) // group
    z = NormalDist().inv_cdf(0.5 + level / 2)
    if group > 1 or variance is not None:
        shares = hits.reshape(groups, group).mean(1)
        z = float(stdtrit(max(groups - 1, 1), 0.5 + level / 2))
        n = _effective_count(p, n, groups, float(shares.var()) / groups if variance is None else variance)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    what = "Wilson" if group == 1 else "Wilson, clips as draws"
    return Interval(low=max(centre - reach, 0.0), high=min(centre + reach, 1.0), level=level, method=what)


def _effective_count(p: float, rows: float, groups: int, variance: float) -> float:
    """Independent hits whose mean has this variance, at most as many as there are; where all agree, one a group."""
    if not (0 < p < 1 and variance > 0):
        return float(groups)
    return min(p * (1 - p) / variance, rows)


def kinds_interval(counts: Float[Tensor, " k"], total: int, *, level: float = 0.95) -> Interval:
    """Interval for how many kinds a generator can draw, from how often each of ``total`` kinds was drawn.

    The lower end is what was seen; the upper end adds what the kinds seen once and twice say of the unseen.

    Reference: A. Chao 1987, Biometrics 43, equations 7 and 9.
    """
    seen, once, twice = (int(n) for n in ((counts > 0).sum(), (counts == 1).sum(), (counts == 2).sum()))
    if once < 2:
        unseen, variance = 0.0, 0.0
    elif twice:
        ratio = once / twice
        unseen, variance = once * ratio / 2, twice * (ratio**4 / 4 + ratio**3 + ratio**2 / 2)
    else:
        unseen = once * (once - 1) / 2
        variance = unseen + once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * (seen + unseen))
    high = float(seen)
    if unseen:
        z = NormalDist().inv_cdf(0.5 + level / 2)
        high += unseen * math.exp(z * math.sqrt(math.log1p(max(variance, 0.0) / unseen**2)))
    return Interval(low=float(seen), high=min(high, float(total)), level=level, method="Chao 1987, unseen kinds")


def distance_interval(
    centre: float, first: float, noise: float, rate: float, *, level: float = 0.95, method: str
) -> Interval:
    """Interval for a squared distance from a nearly unbiased estimate of it.

    The variance of such an estimate is ``noise`` where the two sides are equal and grows in proportion to the
    distance. The estimate is brought to a scale on which its variance is one, and the interval is the unified
    one for a quantity that is at least 0.

    Args:
        centre: the estimate; may be negative.
        first: estimated first-order variance at the estimate, at least 0.
        noise: variance where the distance is 0, above 0.
        rate: growth of the variance with the distance that is expected where the estimate tells little of it.
        level: nominal coverage.
        method: for the protocol.

    Reference: G. J. Feldman, R. D. Cousins 1998, Physical Review D 57, section IV B.
    """
    # Ten groups leave the spread itself uncertain; 4 % is what simulation asks for (tests/evaluation).
    widened = 1.04
    floor = math.sqrt(max(noise, 1e-30)) * widened
    anchor = 0.5 * floor / widened
    slope = max((first + anchor * rate) / (max(centre, 0.0) + anchor) * widened**2, 1e-30)
    scaled = centre / floor if centre < 0 else 2 / slope * (math.sqrt(floor**2 + slope * centre) - floor)
    low, high = (floor * end + slope * end**2 / 4 for end in unified_interval(scaled, level))
    return Interval(low=low, high=high, level=level, method=method)


def unified_interval(x: float, level: float = 0.95) -> tuple[float, float]:
    """Feldman-Cousins interval of a mean that is at least 0, from one draw ``x`` of variance 1.

    Coverage is exact for every mean, and no draw gives an empty interval.

    Reference: Feldman & Cousins 1998, table X.
    """
    reach = NormalDist().inv_cdf(0.5 + level / 2)
    if x > 2 * reach + 1:
        return x - reach, x + reach
    means, lower, upper = _acceptance(level)
    x = max(x, -8.0)
    inside = [mean for mean, low, high in zip(means, lower, upper, strict=True) if low <= x <= high]
    return (inside[0], inside[-1]) if inside else (0.0, means[1])


@cache
def _acceptance(level: float) -> tuple[list[float], list[float], list[float]]:
    """For every mean of a grid, the draws that are accepted: those of the highest likelihood ratio."""
    normal = NormalDist()
    means = [i * 0.01 for i in range(801)]
    ends = [_accepted(mean, level, normal) for mean in means]
    return means, [low for low, _ in ends], [high for _, high in ends]


def _accepted(mean: float, level: float, normal: NormalDist) -> tuple[float, float]:
    """The draws from ``low`` to ``high`` of equal likelihood ratio at both ends and probability ``level``."""
    high, step = mean, 4.0
    while step > 1e-9:
        trial = high + step
        if normal.cdf(trial - mean) - normal.cdf(_partner(mean, trial) - mean) < level:
            high = trial
        step /= 2
    return _partner(mean, high), high


def _partner(mean: float, high: float) -> float:
    """The lower end of the same likelihood ratio as ``high``.

    The log ratio is -(x - mean)^2 / 2 where x >= 0; below 0, where the best mean is 0, it is x mean - mean^2 / 2.
    """
    mirrored = 2 * mean - high
    if mirrored >= 0:
        return mirrored
    return -math.inf if mean == 0 else (mean**2 - (high - mean) ** 2) / (2 * mean)
