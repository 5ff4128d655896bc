"""What a rater is shown next: a balanced order laid out before, or the most informative choice from counts so far.

All are functions of counts, numbers and seeds, so that a server may call them again and get the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from diorama.core.seeds import fold
from diorama.metrics.judgement.paired import Floats

PRIOR_SPREAD = 1.5
"""SD of strengths, in log odds, that is assumed while there are few answers."""
_STEPS = 5
_NEARLY = 0.95
"""Pairs this close to the most informative one are as good, and one of them is drawn."""


@dataclass(frozen=True)
class Trial:
    """What is shown once.

    Args:
        item: the scene or prompt.
        left: the system on the left, or the only one.
        right: the system on the right; empty where one is shown.
    """

    item: str
    left: str
    right: str = ""


def balanced_pairs(
    systems: Sequence[str], items: Sequence[str], count: int, *, rater: int, seed: int
) -> tuple[Trial, ...]:
    """Pairs for one rater, so that all raters together see all pairs, items and sides equally often.

    Every rater goes on in one long schedule where the one before ended. A stretch of it has each pair once; from one
    stretch to the next each pair changes sides, and all take items that come next, so that a rater meets few items
    twice while there are others: a true picture that is seen again would give itself away.

    Args:
        systems: at least two.
        items: scenes or prompts of which every system has a picture.
        count: trials of the rater.
        rater: his number, from 0.
        seed: of the study.
    """
    return _laid_out(list(combinations(systems, 2)), items, count, rater, seed)


def balanced_against(
    truth: str, systems: Sequence[str], items: Sequence[str], count: int, *, rater: int, seed: int
) -> tuple[Trial, ...]:
    """As :func:`balanced_pairs`, with each system beside the true source."""
    return _laid_out([(truth, system) for system in systems], items, count, rater, seed)


def balanced_single(
    sources: Sequence[str], items: Sequence[str], count: int, *, rater: int, seed: int
) -> tuple[Trial, ...]:
    """As :func:`balanced_pairs`, for sources that are shown one by one."""
    return _laid_out([(source, "") for source in sources], items, count, rater, seed)


def _laid_out(
    units: Sequence[tuple[str, str]], items: Sequence[str], count: int, rater: int, seed: int
) -> tuple[Trial, ...]:
    if not units or not items:
        raise ValueError("an order needs something to show: at least one item, and two systems for a pair")
    trials = [_placed(units, items, rater * count + i, seed) for i in range(count)]
    # Within his part the rater's order is drawn, so that no two raters see the same course.
    return tuple(trials[i] for i in np.random.default_rng(fold(seed, rater, 1)).permutation(count))


def _placed(units: Sequence[tuple[str, str]], items: Sequence[str], place: int, seed: int) -> Trial:
    """The trial at a place of the schedule that all raters share."""
    stretch, within = divmod(place, len(units))
    unit = int(np.random.default_rng(fold(seed, stretch, 2)).permutation(len(units))[within])
    # After as many stretches as there are items, each unit has had each; then it begins anew with sides exchanged.
    cycle, step = divmod(stretch, len(items))
    # A stretch takes the next items in a row. When the row comes round to its start, it moves on by one.
    turn, row = divmod(step, len(items) // math.gcd(len(units), len(items)))
    order = np.random.default_rng(fold(seed, 3)).permutation(len(items))
    item = items[int(order[(row * len(units) + unit + turn) % len(items)])]
    left, right = units[unit]
    turned = bool(right) and (unit + step + cycle) % 2 == 1
    return Trial(item, right, left) if turned else Trial(item, left, right)


def next_pair(wins: Floats, ties: Floats, asked: Floats, *, seed: int) -> tuple[int, int]:
    """The most informative pair, left and right.

    Args:
        wins: (n, n) how often the row's system was preferred to the column's.
        ties: (n, n) symmetric.
        asked: (n, n) how often the row's system was shown on the left of the column's, with answers that are still
            awaited.
        seed: of this draw: those of the study and of the trial, folded.

    Returns:
        Numbers of the systems on the left and on the right: that side is taken which the pair had less often.
    """
    rng = np.random.default_rng(seed)
    first, second = (int(each) for each in draw_pairs(wins, ties, asked + asked.T, rng.random()))
    more = asked[first, second] - asked[second, first]
    turned = more > 0 or (more == 0 and rng.random() < 0.5)
    return (second, first) if turned else (first, second)


def draw_pairs(wins: Floats, ties: Floats, shown: Floats, draw: Floats | float) -> tuple[NDArray, NDArray]:
    """One of the pairs that are nearly the most informative; tables may be many at once (…, n, n), with draws (…)."""
    n = wins.shape[-1]
    rows, columns = np.triu_indices(n, 1)
    gain = information_gain(wins, ties, shown)[..., rows, columns]
    near = np.cumsum(gain >= _NEARLY * gain.max(-1, keepdims=True), -1)
    place = np.floor(np.asarray(draw)[..., None] * near[..., -1:]) + 1
    chosen = (near < place).sum(-1)
    return rows[chosen], columns[chosen]


def information_gain(wins: Floats, ties: Floats, shown: Floats) -> Floats:
    """By how much one more answer of each pair is expected to shrink the variance of all strengths together.

    Strengths are those of Bradley–Terry with a normal prior and ties as half wins. The criterion is A-optimality.

    Args:
        wins: (…, n, n).
        ties: (…, n, n) symmetric.
        shown: (…, n, n) symmetric, how often each pair was shown.

    Returns:
        (…, n, n), symmetric; zero on the diagonal.

    Reference: A. C. Atkinson, A. N. Donev, R. D. Tobias 2007, "Optimum Experimental Designs, with SAS", section 10.1;
    Y. Guo, P. Tian, J. Kalpathy-Cramer et al. 2018, IJCAI, arXiv:1802.03905 (for Bradley–Terry).
    """
    n = wins.shape[-1]
    won = wins + ties / 2
    number = won + np.swapaxes(won, -1, -2)
    strengths = np.zeros((*wins.shape[:-2], n))
    prior = np.eye(n) / PRIOR_SPREAD**2
    for _ in range(_STEPS):
        chance = _chance(strengths)
        gradient = (won - number * chance).sum(-1) - strengths / PRIOR_SPREAD**2
        precision = _laplacian(number * chance * (1 - chance)) + prior
        strengths = strengths + np.linalg.solve(precision, gradient[..., None])[..., 0]
    chance = _chance(strengths)
    weight = chance * (1 - chance)
    spread = np.linalg.inv(_laplacian(shown * weight) + prior).astype(np.float64)
    # A rank-one update: what an answer takes off the trace is |spread d|^2 w / (1 + w d' spread d).
    squares: Floats = spread @ spread
    taken, between = _of_differences(squares), _of_differences(spread)
    return weight * taken / (1 + weight * between) * (1 - np.eye(n))


def _chance(strengths: Floats) -> Floats:
    return 1 / (1 + np.exp(strengths[..., None, :] - strengths[..., :, None]))


def _laplacian(weights: Floats) -> Floats:
    return weights.sum(-1)[..., None] * np.eye(weights.shape[-1]) - weights


def _of_differences(matrix: Floats) -> Floats:
    """d' M d for the difference d of every two systems."""
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    return diagonal[..., :, None] + diagonal[..., None, :] - 2 * matrix


def next_source(variances: Floats, shown: Floats, *, seed: int) -> int:
    """The source whose mean is known worst.

    Args:
        variances: (k,) of one judgement of each source, as :func:`share_variances` and :func:`opinion_variances`
            give them.
        shown: (k,) how often each was shown, with answers that are still awaited.
        seed: of this draw.
    """
    return int(draw_sources(variances, shown, np.random.default_rng(seed).random()))


def draw_sources(variances: Floats, shown: Floats, draw: Floats | float) -> NDArray:
    """One of the sources that gain nearly the most; tables may be many at once (…, k), with draws (…)."""
    gain = variances / np.maximum(shown, 0.5) - variances / (np.maximum(shown, 0.5) + 1)
    near = np.cumsum(gain >= _NEARLY * gain.max(-1, keepdims=True), -1)
    place = np.floor(np.asarray(draw)[..., None] * near[..., -1:]) + 1
    return (near < place).sum(-1)


def share_variances(hits: Floats, answered: Floats) -> Floats:
    """Variance of one yes-or-no answer to each source, on the scale of d'; two answers are assumed beforehand.

    Args:
        hits: (…, k) right answers, or pictures called real.
        answered: (…, k).
    """
    share = (hits + 1) / (answered + 2)
    # The square of the normal density at z is exp(-z²) / 2π.
    return 2 * math.pi * share * (1 - share) * np.exp(ndtri(share) ** 2)


def opinion_variances(sums: Floats, squares: Floats, answered: Floats) -> Floats:
    """Variance of one score of each source; two scores, of variance 1.5 in all, are assumed beforehand.

    Args:
        sums: (…, k) of scores.
        squares: (…, k) of squared scores.
        answered: (…, k).
    """
    mean = sums / np.maximum(answered, 1)
    return (squares - answered * mean**2 + 1.5) / (answered + 2)


def next_item(seen: Sequence[float], seed: int) -> int:
    """The item that was shown least for what is shown; one of several is drawn.

    Args:
        seen: how often each item was shown, first to this rater where he must not see one twice.
        seed: of this draw.
    """
    least = [i for i, count in enumerate(seen) if count == min(seen)]
    return least[int(np.random.default_rng(seed).integers(len(least)))]
