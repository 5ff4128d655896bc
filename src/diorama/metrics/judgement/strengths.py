"""Strengths of systems from judgements of pairs, with intervals over raters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from diorama.metrics.judgement.clusters import Clustered, clustered, quantile
from diorama.metrics.judgement.likelihood import (
    Design,
    Fit,
    design,
    differences,
    firth_counts,
    information,
    log_likelihood,
    maximise,
    scores,
    usable,
)
from diorama.metrics.judgement.paired import TIE, Floats, PairedJudgements, unbeaten_sets
from diorama.metrics.judgement.responses import BradleyTerry, Davidson, Response, Thurstone

ELO_BASE, ELO_SCALE = 1000.0, 400 / math.log(10)
_NO_SPREAD = 1e-8
"""Of the variance of independent judgements: what a variance over raters is at least, but for rounding."""
_LEVERED = 60
"""With more parameters the mending for few raters would cost more than it is worth."""
_SINGULAR = 1e10
_AT_A_TIME = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """What judgements of pairs say of the systems.

    Args:
        names: of the n systems.
        response: how differences of strengths become choices.
        values: (n,) strengths, mean zero, on the response's own scale: log odds, or probits.
        log_tie: Davidson's log nu; ``None`` for other responses.
        advantage: of standing on the left, on the same scale; ``None`` where it was not estimated.
        log_likelihood: of the choices, one by one.
        deviance: twice the log likelihood that a parameter for each pair would add.
        covariance: (n + k, n + k) of values, advantage and log nu under independent judgements.
        raters: how many raters there are; 0 where nobody knows.
        penalised: some systems never won or never lost, so that a penalty holds the values.
        over_raters: covariance over draws of raters; ``None`` where there are fewer than two.
    """

    names: tuple[str, ...]
    response: Response
    values: Floats
    log_tie: float | None
    advantage: float | None
    log_likelihood: float
    deviance: float
    covariance: Floats
    raters: int
    penalised: bool
    over_raters: Clustered | None

    @property
    def tie(self) -> float | None:
        """Davidson's nu: 0 for no ties; at 2, equal systems tie every second time."""
        return None if self.log_tie is None else math.exp(self.log_tie)

    @property
    def standard_errors(self) -> Floats:
        """(n,) of the values, mean zero, under independent judgements."""
        return np.sqrt(np.diag(self.covariance)[: len(self.names)])

    @property
    def worths(self) -> Floats:
        """(n,) exponentials of the values that sum to one."""
        powers = np.exp(self.values - self.values.max())
        return powers / powers.sum()

    @property
    def elo(self) -> Floats:
        """(n,) values on the scale of Elo: mean 1000, and 400 points for odds of ten to one."""
        return ELO_BASE + ELO_SCALE * self.values

    def error_of(self, contrast: Floats) -> tuple[float, float]:
        """Standard error of ``contrast @ parameters``, and its degrees of freedom (infinite for independence).

        Args:
            contrast: (n + k,).
        """
        if self.over_raters is None or self.is_without_spread(contrast):
            return math.sqrt(max(float(contrast @ self.covariance @ contrast), 0.0)), math.inf
        error, freedom = self.over_raters.spread(contrast[None])
        return float(error[0]), float(freedom[0])

    def is_without_spread(self, contrast: Floats) -> bool:
        """Whether several raters show no spread of ``contrast @ parameters``.

        All say the same, or one alone tells anything of it. A sandwich of zero says nothing of other raters, so that
        judgements are all there is.

        Args:
            contrast: (n + k,).
        """
        if self.over_raters is None:
            return False
        error, _ = self.over_raters.spread(contrast[None])
        return float(error[0]) ** 2 <= _NO_SPREAD * float(contrast @ self.covariance @ contrast)

    def interval(self, contrast: Floats, level: float = 0.95) -> tuple[float, float]:
        """Interval of ``contrast @ parameters``: over raters where there are at least two, else over judgements."""
        error, freedom = self.error_of(contrast)
        middle, reach = float(contrast @ self.parameters), float(quantile(freedom, level)) * error
        return middle - reach, middle + reach

    @property
    def parameters(self) -> Floats:
        """(n + k,) values, then the advantage and log nu where there are such."""
        further = [each for each in (self.advantage, self.log_tie) if each is not None]
        return np.concatenate([self.values, further])

    def one(self, system: int) -> Floats:
        """The contrast (n + k,) of a system with the mean of all."""
        return np.eye(len(self.parameters))[system]

    def between(self, first: int, second: int) -> Floats:
        """The contrast (n + k,) of two systems."""
        return self.one(first) - self.one(second)

    def preferred(self, first: int, second: int) -> float:
        """Probability that the first is preferred to the second, where one is."""
        gap = float(self.values[first] - self.values[second])
        return float(ndtr(gap)) if isinstance(self.response, Thurstone) else 1 / (1 + math.exp(-gap))


def response_for(judgements: PairedJudgements) -> Response:
    """Davidson's response where some judgements are ties and some are not, else Bradley–Terry's."""
    tied = judgements.choice == TIE
    return Davidson() if bool(tied.any() and not tied.all()) else BradleyTerry()


def strengths(
    judgements: PairedJudgements,
    response: Response | None = None,
    *,
    halve_ties: bool = True,
    order_effect: bool = False,
) -> Strengths:
    """The most likely strengths.

    Args:
        judgements: of systems that comparisons connect.
        response: by default Davidson's where there are ties, else Bradley–Terry's.
        halve_ties: for responses without ties: each is half a win for both, else it is left out.
        order_effect: estimate the advantage of standing on the left.

    Raises:
        ValueError: there are no judgements, or comparisons leave the systems in several parts; there is no finite
            solution, as where sides and systems cannot be told apart.
    """
    if not len(judgements.choice):
        raise ValueError("there are no judgements")
    parts = judgements.components()
    if len(parts) > 1:
        raise ValueError(f"comparisons leave the systems in {len(parts)} parts: {in_parts(judgements.names, parts)}")
    response = response or response_for(judgements)
    if isinstance(response, Davidson) and not isinstance(response_for(judgements), Davidson):
        raise ValueError("Davidson's model needs ties and preferences, and there are only ones or the others")
    plan = design(judgements.pairs, len(judgements.names), order_effect=order_effect)
    counts = usable(judgements.counts, response, halve_ties=halve_ties)
    fit = maximise(plan, counts, response)
    # Beside systems that never lost, ties and a nu without bounds may leave Davidson's model without a finite solution.
    penalised = _never_lost(judgements, response, halve_ties=halve_ties) or not _finite(fit)
    if penalised:
        fit = maximise(plan, firth_counts(plan, counts), response)
    # Whatever the advantage of a side explains alone has no finite one, and no penalty is made for it.
    if not _finite(fit):
        raise ValueError(f"{response.title}: the judgements leave no finite solution")
    return _result(judgements, plan, fit, response, halve_ties=halve_ties, penalised=penalised)


def _never_lost(judgements: PairedJudgements, response: Response, *, halve_ties: bool) -> bool:
    won = judgements.wins() > 0
    if halve_ties or response.models_ties:
        won |= judgements.ties() > 0
    return bool(unbeaten_sets(won))


def _finite(fit: Fit) -> bool:
    return bool(fit.settled) and bool(np.linalg.cond(fit.information) < _SINGULAR)


def _result(
    judgements: PairedJudgements, plan: Design, fit: Fit, response: Response, *, halve_ties: bool, penalised: bool
) -> Strengths:
    counts = usable(judgements.counts, response, halve_ties=halve_ties)
    n, free = len(judgements.names), plan.strengths
    lift = np.zeros((n + len(fit.parameters) - free, len(fit.parameters)))
    lift[:n, :free] = plan.basis
    lift[n:, free:] = np.eye(len(fit.parameters) - free)
    logs, _ = response.logs(*differences(plan, response, fit.parameters))
    value = float(log_likelihood(counts, logs))
    # A pair that only tied has no counts where ties are left out.
    shares = np.divide(counts, counts.sum(-1, keepdims=True), out=np.ones_like(counts), where=counts > 0)
    saturated = float((counts * np.log(shares)).sum())
    over_raters = None
    if judgements.raters >= 2:
        over_raters = _lifted(_over_raters(judgements, plan, fit, response, halve_ties=halve_ties), lift)
    return Strengths(
        names=judgements.names,
        response=response,
        values=plan.basis @ fit.parameters[:free],
        log_tie=float(fit.parameters[-1]) if response.models_ties else None,
        advantage=float(fit.parameters[free]) if plan.matrix.shape[1] > free else None,
        log_likelihood=value,
        deviance=2 * (saturated - value),
        covariance=lift @ np.linalg.inv(fit.information) @ lift.T,
        raters=judgements.raters,
        penalised=penalised,
        over_raters=over_raters,
    )


def _over_raters(
    judgements: PairedJudgements, plan: Design, fit: Fit, response: Response, *, halve_ties: bool
) -> Clustered:
    """The sandwich of all raters; a rater without information (ties alone, where these are left out) adds nothing."""
    assert judgements.rater is not None
    size, raters = len(fit.parameters), judgements.raters
    gradients, parts = np.zeros((raters, size)), np.zeros((raters, size, size))
    room = max(1, _AT_A_TIME // max(1, 3 * len(judgements.pairs)))
    for start in range(0, raters, room):
        some = (judgements.rater >= start) & (judgements.rater < start + room)
        counts = np.zeros((min(room, raters - start), len(judgements.pairs), 3))
        places = (judgements.rater[some] - start, judgements.pair[some], judgements.choice[some])
        np.add.at(counts, places, judgements.weight[some])
        counts = usable(counts, response, halve_ties=halve_ties)
        gradients[start : start + room] = scores(plan, counts, response, fit.parameters)
        parts[start : start + room] = information(plan, counts, response, fit.parameters)
    gradients -= gradients.mean(0)
    if size > _LEVERED:
        parts = np.broadcast_to(parts.sum(0) / raters, parts.shape)
    return clustered(parts, gradients)


def _lifted(found: Clustered, lift: Floats) -> Clustered:
    return Clustered(covariance=lift @ found.covariance @ lift.T, influence=lift @ found.influence @ lift.T)


def in_parts(names: tuple[str, ...], parts: list[tuple[int, ...]]) -> str:
    """Connected parts in words: ``a, b, c | d, e``."""
    return " | ".join(", ".join(names[i] for i in part) for part in parts)
