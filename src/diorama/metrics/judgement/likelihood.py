"""Maximum likelihood for counts of left, right and tie: Newton's method on any number of tables at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diorama.metrics.judgement.paired import Floats, Integers
from diorama.metrics.judgement.responses import BradleyTerry, Response

_STEPS = 60
_LONGEST_STEP = 2.0
_FARTHEST = 20.0
"""A parameter that has gone farther goes to infinity."""
_LEVEL = 1e-12
"""Gradient of one judgement at which the top is reached."""


@dataclass(frozen=True)
class Design:
    """How parameters make the differences of strengths of m pairs.

    Args:
        matrix: (m, p) differences by the parameters of strength, one fewer than there are systems, and by the
            advantage of the left where there is one.
        basis: (n, n - 1) strengths, of mean zero, by their parameters; its columns are orthonormal.
    """

    matrix: Floats
    basis: Floats

    @property
    def strengths(self) -> int:
        """How many parameters are strengths."""
        return self.basis.shape[1]


def design(pairs: Integers, systems: int, *, order_effect: bool = False) -> Design:
    """The design of pairs.

    Args:
        pairs: (m, 2) left and right.
        systems: n.
        order_effect: whether standing on the left may be of advantage.
    """
    # Any orthonormal basis of what sums to zero will do: the null space of a row of ones.
    basis = np.linalg.svd(np.ones((1, systems)))[2][1:].T
    matrix = basis[pairs[:, 0]] - basis[pairs[:, 1]]
    return Design(np.hstack([matrix, np.ones((len(pairs), 1))]) if order_effect else matrix, basis)


@dataclass(frozen=True)
class Fit:
    """The most likely parameters.

    Args:
        parameters: (…, p) of the design, then log nu where the response has ties.
        log_likelihood: (…) at these, without the multinomial coefficients.
        information: (…, p, p) expected there.
        settled: (…) whether Newton's method came to rest at finite parameters.
    """

    parameters: Floats
    log_likelihood: Floats
    information: Floats
    settled: NDArray[np.bool_]


def usable(counts: Floats, response: Response, *, halve_ties: bool) -> Floats:
    """Counts (…, m, 3) that the response can take: without a place for ties each is half a win for both, or nothing."""
    if response.models_ties:
        return counts
    half = counts[..., 2:] / 2 if halve_ties else 0.0
    return np.concatenate([counts[..., :2] + half, np.zeros_like(counts[..., 2:])], -1)


def maximise(design: Design, counts: Floats, response: Response) -> Fit:
    """Maximum likelihood by Newton's method with expected information.

    Args:
        design: of the m pairs.
        counts: (…, m, 3) as :func:`usable` gives them.
        response: how differences become choices.
    """
    size = design.matrix.shape[1] + response.models_ties
    parameters = np.zeros((*counts.shape[:-2], size))
    value, gradient, information = _expansion(design, counts, response, parameters)
    scale = np.maximum(1.0, counts.sum((-1, -2)))
    for _ in range(_STEPS):
        away = np.abs(parameters).max(-1) > _FARTHEST
        if (away | (np.abs(gradient).max(-1) <= _LEVEL * scale)).all():
            break
        # A little is added to the diagonal, for parameters that the judgements say nothing of.
        ridge = 1e-12 * scale[..., None, None] * np.eye(size)
        step = np.linalg.solve(information + ridge, gradient[..., None])[..., 0]
        step[away] = 0.0
        step /= np.maximum(1.0, np.abs(step).max(-1, keepdims=True) / _LONGEST_STEP)
        moved = parameters + step
        trial = _expansion(design, counts, response, moved)
        for _ in range(20):
            worse = trial[0] < value - 1e-9 * np.abs(value)
            if not worse.any():
                break
            moved = np.where(worse[..., None], (parameters + moved) / 2, moved)
            trial = _expansion(design, counts, response, moved)
        parameters, (value, gradient, information) = moved, trial
    still = np.abs(gradient).max(-1) <= 1e-6 * scale
    return Fit(parameters, value, information, still & (np.abs(parameters).max(-1) <= _FARTHEST))


def differences(design: Design, response: Response, parameters: Floats) -> tuple[Floats, Floats]:
    """Difference of strengths of every pair (…, m) and log nu (…, 1), which is no number without ties."""
    if response.models_ties:
        return parameters[..., :-1] @ design.matrix.T, parameters[..., -1:]
    return parameters @ design.matrix.T, np.full((*parameters.shape[:-1], 1), -np.inf)


def _slopes(design: Design, response: Response, parameters: Floats) -> tuple[Floats, Floats]:
    """Log probabilities (…, m, 3) and their derivatives by difference and log nu (…, m, 3, q)."""
    return response.logs(*differences(design, response, parameters))


def scores(design: Design, counts: Floats, response: Response, parameters: Floats) -> Floats:
    """Gradients (…, p) of the log likelihood; counts may have more axes in front than the parameters."""
    _, slopes = _slopes(design, response, parameters)
    return _scores(design, counts, slopes)


def information(design: Design, counts: Floats, response: Response, parameters: Floats) -> Floats:
    """Expected information (…, p, p) of as many judgements of each pair as there are."""
    return _information(design, counts, *_slopes(design, response, parameters))


def _expansion(design: Design, counts: Floats, response: Response, parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """Log likelihood, its gradient, and the expected information."""
    logs, slopes = _slopes(design, response, parameters)
    return log_likelihood(counts, logs), _scores(design, counts, slopes), _information(design, counts, logs, slopes)


def _scores(design: Design, counts: Floats, slopes: Floats) -> Floats:
    by_pair = np.einsum("...mk,...mkq->...mq", counts, slopes)
    return np.concatenate([by_pair[..., 0] @ design.matrix, by_pair[..., 1:].sum(-2)], -1)


def _information(design: Design, counts: Floats, logs: Floats, slopes: Floats) -> Floats:
    each = np.einsum("...mk,...mkq,...mkr->...mqr", np.exp(logs), slopes, slopes)
    return _pooled(design, counts.sum(-1)[..., None, None] * each)


def _pooled(design: Design, weights: Floats) -> Floats:
    """Information of the parameters from that of the differences and log nu (…, m, q, q)."""
    m, p = design.matrix.shape
    outer = (design.matrix[:, :, None] * design.matrix[:, None, :]).reshape(m, p * p)
    corner = (weights[..., 0, 0] @ outer).reshape(*weights.shape[:-3], p, p)
    if weights.shape[-1] == 1:
        return corner
    side = (weights[..., 0, 1] @ design.matrix)[..., None]
    last = weights[..., 1, 1].sum(-1)[..., None, None]
    return np.concatenate(
        [np.concatenate([corner, side], -1), np.concatenate([np.swapaxes(side, -1, -2), last], -1)], -2
    )


def log_likelihood(counts: Floats, logs: Floats) -> Floats:
    """(…) of counts (…, m, 3) under log probabilities (…, m, 3), without the multinomial coefficients."""
    return (counts * np.where(counts > 0, logs, 0.0)).sum((-1, -2))


def firth_counts(design: Design, counts: Floats) -> Floats:
    """Counts with what a penalty by Jeffreys' prior adds: strengths stay finite where a system never lost or never won.

    Half of each pair's leverage is added to left and to right, so that maximum likelihood of the result is the
    penalised estimate of Bradley–Terry; for other responses it is the same data, and close to theirs.

    Args:
        design: of the m pairs.
        counts: (…, m, 3).

    Reference: D. Firth 1993, Biometrika 80, section 3.2.
    """
    response = BradleyTerry()
    plain = usable(counts, response, halve_ties=True)
    number = plain.sum(-1)
    added = np.full(number.shape, 0.5) * (number > 0)
    for _ in range(200):
        padded = np.stack([plain[..., 0] + added, plain[..., 1] + added, np.zeros_like(added)], -1)
        fit = maximise(design, padded, response)
        chance = 1 / (1 + np.exp(-fit.parameters @ design.matrix.T))
        weight = number * chance * (1 - chance)
        inner = np.linalg.pinv(_pooled(design, weight[..., None, None]), hermitian=True)
        leverage = weight * np.einsum("mp,...pq,mq->...m", design.matrix, inner, design.matrix)
        if np.abs(leverage / 2 - added).max(initial=0.0) < 1e-9:
            break
        added = leverage / 2
    return counts + np.stack([added, added, np.zeros_like(added)], -1)
