"""How well people tell one thing from another, in units of d': forced choice, with and without ties, and real or fake.

Reference: N. A. Macmillan, C. D. Creelman 2005, "Detection Theory", equations 1.5 (yes-no) and 7.2 (2AFC);
R. H. B. Christensen, H.-S. Lee, P. B. Brockhoff 2012, Food Quality and Preference 24 (2-AC, with ties);
M. J. Hautus 1995, Behavior Research Methods 27 (rates of 0 and 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import chdtrc, log_ndtr, ndtri
from scipy.stats import norm

from diorama.metrics.judgement.clusters import quantile
from diorama.metrics.judgement.means import Means, Shares, probits, shares
from diorama.metrics.judgement.paired import Floats

ROOT_TWO = math.sqrt(2.0)


def dprime_of_share(share: Floats | float) -> Floats:
    """d' of the share of right answers in a forced choice of two; below 0 where people prefer the false one."""
    return ROOT_TWO * probits(share)


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """d' with its interval over raters.

    Args:
        values: (…, k).
        low: (…, k).
        high: (…, k).
        corrected: (…, k) whether rates of 0 or 1 were drawn inwards by half a judgement.
    """

    values: Floats
    low: Floats
    high: Floats
    corrected: NDArray[np.bool_]


def forced_choice(right: Means, level: float = 0.95) -> Sensitivity:
    """d' of forced choices between a true one and one of each of k systems.

    Args:
        right: means of ones for right answers and zeros for wrong ones.
        level: nominal coverage.
    """
    found: Shares = shares(right, level)
    drawn, corrected = _drawn_in(found.values, right.counts)
    ends = (dprime_of_share(found.low), dprime_of_share(found.high))
    return Sensitivity(values=dprime_of_share(drawn), low=ends[0], high=ends[1], corrected=corrected)


def real_or_fake(called_real: Means, truth: int, level: float = 0.95) -> Sensitivity:
    """d' of each system's pictures against true ones, all judged one by one.

    d' is the probit of the share of true pictures that were called real, less that of the system's.

    Args:
        called_real: means of ones for "real" and zeros for "fake", of each source.
        truth: which source is the true one; its own d' is 0.
        level: nominal coverage.
    """
    rates, corrected = _drawn_in(called_real.values, called_real.counts)
    z = probits(rates)
    k = rates.shape[-1]
    values = z[..., truth : truth + 1] - z
    # Where all answers to a source are one, raters do not differ, and answers stand in for them.
    chance = np.where(corrected, rates * (1 - rates) / np.maximum(called_real.counts, 1), 0.0)
    spread = called_real.over_raters.covariance + chance[..., None] * np.eye(k)
    covariance = spread / (norm.pdf(z)[..., :, None] * norm.pdf(z)[..., None, :])
    contrasts = np.eye(k)[truth] - np.eye(k)
    variance = np.einsum("rp,...pq,rq->...r", contrasts, covariance, contrasts)
    _, freedom = called_real.spread(contrasts)
    reach = quantile(freedom, level) * np.sqrt(np.maximum(variance, 0.0))
    return Sensitivity(values=values, low=values - reach, high=values + reach, corrected=corrected)


def _drawn_in(rates: Floats, counts: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Rates, those of 0 and 1 moved inwards by half a judgement, and which were."""
    whole = (rates <= 0) | (rates >= 1)
    return np.where(whole, (rates * counts + 0.5) / (counts + 1), rates), whole


@dataclass(frozen=True, kw_only=True)
class ForcedChoiceWithTies:
    """The 2-AC protocol: one of two is chosen, or none.

    Args:
        tau: half the width of what feels alike.
        tau_error: its standard error; no number without ties, where it lies on its bound.
        dprime: positive where the right one is preferred.
        dprime_error: its standard error; no number likewise.
        likelihood_root: signed root of the likelihood ratio against d' = 0.
        p_value: two-sided, of the same.
        low: end of the profile interval of d'.
        high: its other end.
    """

    tau: float
    tau_error: float
    dprime: float
    dprime_error: float
    likelihood_root: float
    p_value: float
    low: float
    high: float


def two_ac(left: float, tie: float, right: float, level: float = 0.95) -> ForcedChoiceWithTies:
    """The 2-AC model of counts.

    Args:
        left: how often the left one was chosen.
        tie: how often none.
        right: how often the right one.
        level: nominal coverage of the profile interval.

    Raises:
        ValueError: left or right was never chosen, so that d' is infinite.
    """
    total = left + tie + right
    if not (left > 0 and right > 0):
        raise ValueError("d' of a forced choice with ties needs both sides to have been chosen")
    first, second = float(ndtri(left / total)), float(ndtri((left + tie) / total))
    tau, dprime = (second - first) / ROOT_TWO, -(first + second) / ROOT_TWO
    best = _two_ac_value((left, tie, right), tau, dprime)

    def drop(trial: float) -> float:
        return 2 * (best - _profile((left, tie, right), trial))

    root = math.copysign(math.sqrt(max(drop(0.0), 0.0)), dprime)
    bound = float(quantile(math.inf, level)) ** 2
    low = brentq(lambda d: drop(d) - bound, dprime - 20, dprime, xtol=1e-10)
    high = brentq(lambda d: drop(d) - bound, dprime, dprime + 20, xtol=1e-10)
    errors = _two_ac_errors((left, tie, right), first, second) if tie > 0 else (math.nan, math.nan)
    return ForcedChoiceWithTies(
        tau=tau,
        tau_error=errors[0],
        dprime=dprime,
        dprime_error=errors[1],
        likelihood_root=root,
        p_value=float(chdtrc(1, root**2)),
        low=float(low),
        high=float(high),
    )


def _two_ac_value(counts: tuple[float, float, float], tau: float, dprime: float) -> float:
    left, tie, right = counts
    ends = ((-tau - dprime) / ROOT_TWO, (tau - dprime) / ROOT_TWO)
    value = left * float(log_ndtr(ends[0])) + right * float(log_ndtr(-ends[1]))
    if tie:
        value += tie * math.log(max(float(norm.cdf(ends[1]) - norm.cdf(ends[0])), 1e-300))
    return value


def _profile(counts: tuple[float, float, float], dprime: float) -> float:
    """The log likelihood at the best tau for a d'."""
    if not counts[1]:
        return _two_ac_value(counts, 0.0, dprime)
    found = minimize_scalar(
        lambda tau: -_two_ac_value(counts, tau, dprime), bounds=(0.0, 20.0), method="bounded", options={"xatol": 1e-10}
    )
    return -float(found.fun)


def _two_ac_errors(counts: tuple[float, float, float], first: float, second: float) -> tuple[float, float]:
    """Standard errors of tau and d' by the delta method: the model has as many parameters as free shares."""
    total = sum(counts)
    below, upto = counts[0] / total, (counts[0] + counts[1]) / total
    slopes = np.diag([1 / norm.pdf(first), 1 / norm.pdf(second)])
    spread = np.array([[below * (1 - below), below * (1 - upto)], [below * (1 - upto), upto * (1 - upto)]]) / total
    turn = np.array([[-1, 1], [-1, -1]]) / ROOT_TWO
    covariance = turn @ slopes @ spread @ slopes @ turn.T
    return math.sqrt(covariance[0, 0]), math.sqrt(covariance[1, 1])
