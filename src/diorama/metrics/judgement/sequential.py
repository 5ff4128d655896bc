"""Ratings that other packages make of wins: Elo's in sequence, and Luce's by a spectral iteration."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diorama.metrics.judgement.paired import Floats


def elo_in_sequence(
    games: Iterable[tuple[int, int]],
    systems: int,
    *,
    k: float = 32.0,
    start: float = 1000.0,
    base: float = 10.0,
    scale: float = 400.0,
) -> Floats:
    """Elo's ratings (n,) after games in the order they were played; another order gives others.

    Args:
        games: winner and loser of each.
        systems: n.
        k: points that an expected loss can gain at most.
        start: rating before the first game.
        base: odds of one ``scale``.
        scale: points.

    Reference: A. E. Elo 1978, "The Rating of Chessplayers", section 1.6.
    """
    ratings = np.full(systems, float(start))
    for winner, loser in games:
        expected = 1 / (1 + base ** ((ratings[loser] - ratings[winner]) / scale))
        ratings[winner] += k * (1 - expected)
        ratings[loser] -= k * (1 - expected)
    return ratings


def spectral_strengths(wins: Floats, *, alpha: float = 0.0, steps: int = 1000, close: float = 1e-12) -> Floats:
    """Luce's log strengths (n,), mean zero, by the iterated stationary distribution of a Markov chain.

    Args:
        wins: (n, n) how often the row's system beat the column's.
        alpha: added to every rate of the chain, which draws strengths together; 0 gives maximum likelihood.
        steps: at most.
        close: the largest change of a strength at which it ends.

    Reference: L. Maystre, M. Grossglauser 2015, "Fast and accurate inference of Plackett–Luce models", NeurIPS,
    algorithm 2.
    """
    n = len(wins)
    logs = np.zeros(n)
    for _ in range(steps):
        worth = np.exp(logs)
        worth *= n / worth.sum()
        rates = alpha + wins.T / (worth[:, None] + worth[None, :])
        np.fill_diagonal(rates, 0.0)
        flow = rates.T - np.diag(rates.sum(1))
        flow[-1] = 1.0
        worth = np.linalg.solve(flow, np.eye(n)[-1])
        fresh = np.log(worth)
        fresh -= fresh.mean()
        if np.abs(fresh - logs).max() < close:
            return fresh
        logs = fresh
    return logs


def minorise_maximise(wins: Floats, *, steps: int = 10_000, close: float = 1e-10) -> Floats:
    """Worths (n,) of sum one by the minorise-maximise iteration from equal ones.

    Where comparisons leave systems unconnected, the parts keep a scale to one another that the start gave them, and
    that means nothing.

    Args:
        wins: (n, n) how often the row's system beat the column's.
        steps: at most.
        close: the largest relative change of a worth at which it ends.

    Reference: D. R. Hunter 2004, Annals of Statistics 32, equation 3.
    """
    n = len(wins)
    number, won = wins + wins.T, wins.sum(1)
    worth = np.full(n, 1 / n)
    for _ in range(steps):
        fresh = won / (number / (worth[:, None] + worth[None, :])).sum(1)
        fresh /= fresh.sum()
        if np.abs(fresh / worth - 1).max() < close:
            return fresh
        worth = fresh
    return worth
