"""Exponential integrators: what all solvers share that integrate the linear part of diffusion's equation exactly.

With ``lambda = log(alpha / sigma)`` the way from a level s to a cleaner level t is, for clean samples c(lambda) and for
noises e(lambda) that the network finds on it, and for tau times as much fresh noise as the reverse SDE has,

    x_t = sigma_t / sigma_s exp(-tau² h) x_s + m alpha_t ∫ exp(-m (lambda_t - lambda)) c dlambda + fresh noise
    x_t = alpha_t / alpha_s x_s - m sigma_t ∫ exp(lambda_t - lambda) e dlambda + fresh noise

with m = 1 + tau², over lambda_s … lambda_t = lambda_s + h. Solvers differ in the polynomial that stands for c or e.

Reference: C. Lu et al., arXiv:2206.00927, proposition 3.1, and arXiv:2211.01095, proposition 4.1; with tau: S. Xue et
al., arXiv:2309.05019, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Prediction, Process, Stage
from diorama.processes.gaussian import noise_of, on

Predicts = Literal["clean", "noise"]
"""Along which of the network's predictions a solver integrates."""

Rule = Literal["exact", "midpoint", "half"]
"""How a straight line between two predictions is integrated: exactly; as if its value in the middle of the step held
throughout; or with 1/2 for the mean place within the step, whatever the weight of early and late places."""


_NO_SIGNAL = 1e-10
"""Less beside the noise is a rounding error: a process's cosine of a right angle."""


@dataclass(frozen=True)
class ExponentialStep:
    """One step, with the coefficients as plain numbers in float64.

    Args:
        start: the level that it leaves; ``sigma`` is not 0.
        end: the level that it reaches, at most as noisy.
        predicts: what is integrated along.
        tau: how much fresh noise; 0 is the deterministic path, 1 the reverse SDE.
    """

    start: Level
    end: Level
    predicts: Predicts = "clean"
    tau: float = 0.0

    @property
    def length(self) -> float:
        """h: infinite from a level without signal, or to one without noise."""
        return log_signal(self.end) - log_signal(self.start)

    @property
    def fresh(self) -> float:
        """Standard deviation of the noise that is added."""
        sigma, h = self.end.sigma.item(), self.length
        if self.tau == 0 or sigma == 0:
            return 0.0
        if self.predicts == "clean" or math.isinf(h):
            return sigma * math.sqrt(-math.expm1(-2 * self.tau**2 * h))
        return sigma * self.tau * math.sqrt(math.expm1(2 * h))

    def places(self, levels: Sequence[Level]) -> list[float]:
        """Where levels lie along the step, in lambda: 0 at its start and 1 at its end."""
        first = log_signal(self.start)
        return [(log_signal(level) - first) / self.length for level in levels]

    def moments(self, count: int, rule: Rule = "exact") -> list[float]:
        """Integrals of the exponential times place^k, for k = 0 … count - 1, over the places of the step."""
        found = moments(self.length if self.predicts == "noise" else -(1 + self.tau**2) * self.length, count)
        if count == 2 and rule != "exact":
            found[1] = found[0] / 2 if rule == "midpoint" else 0.5
        return found

    def moved(self, x: Tensor, values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """The sample at the end, but for fresh noise.

        Args:
            x: (b, ...) the sample at the start.
            values: what the network found at some levels.
            weights: of them, as :func:`weights_of` gives them.
        """
        alpha, sigma = self.end.alpha.item(), self.end.sigma.item()
        strength = (1 + self.tau**2) * self.length
        if self.predicts == "clean":
            x = sigma / self.start.sigma.item() * math.exp(-(self.tau**2) * self.length) * x
            scale = alpha * strength
        else:
            x = alpha / self.start.alpha.item() * x
            scale = -sigma * strength
        for value, weight in zip(values, weights, strict=True):
            x = x + scale * weight * value
        return x

    def straight(self, x: Tensor, clean: Tensor) -> Tensor:
        """The sample at the end, but for fresh noise, of a step of infinite length.

        The clean sample holds throughout; its noise is kept or, with tau, all of it is fresh.
        """
        kept = 0.0 if self.tau else self.end.sigma.item()
        moved = self.end.alpha.item() * clean
        return moved + kept * noise_of(x, clean, on(self.start, x)) if kept else moved


def log_signal(level: Level) -> float:
    """lambda, log(alpha / sigma); infinite for clean data, minus infinity where no signal is left."""
    alpha, sigma = level.alpha.item(), level.sigma.item()
    if alpha < _NO_SIGNAL * sigma:
        return -math.inf
    return math.inf if sigma == 0 else math.log(alpha) - math.log(sigma)


def moments(rate: float, count: int) -> list[float]:
    """∫ exp(rate (1 - v)) v^k dv over [0, 1] for k = 0 … count - 1: ``k! phi_{k+1}(rate)``.

    Reference: M. Hochbruck, A. Ostermann, "Exponential integrators", Acta Numerica 2010, equation 2.10.
    """
    if abs(rate) < 1:
        # The recurrence below would subtract numbers that are nearly the same.
        return [sum(rate**j * math.factorial(k) / math.factorial(j + k + 1) for j in range(20)) for k in range(count)]
    found = [math.expm1(rate) / rate]
    for k in range(1, count):
        found.append((k * found[-1] - 1) / rate)
    return found


def weights_of(places: Sequence[float], integrals: Sequence[float]) -> list[float]:
    """Weights of a polynomial's values at some places, whose weighted sum is its integral.

    Args:
        places: as many different ones as the polynomial has coefficients.
        integrals: of place^0, place^1, ….
    """
    found = []
    for i, place in enumerate(places):
        polynomial = [1.0]  # Lagrange's, by rising powers
        for j, other in enumerate(places):
            if j != i:
                raised = [0.0, *polynomial]
                lowered = [*(-other * coefficient for coefficient in polynomial), 0.0]
                polynomial = [(up + low) / (place - other) for up, low in zip(raised, lowered, strict=True)]
        found.append(sum(c * integral for c, integral in zip(polynomial, integrals, strict=True)))
    return found


class Seen(NamedTuple):
    """What the network found at a level: a clean sample or a noise."""

    level: Level
    value: Tensor


def seen_at(level: Level, x: Tensor, prediction: Prediction, predicts: Predicts) -> Seen:
    """What a prediction for ``x`` says in a solver's words."""
    clean = prediction.clean
    return Seen(level, clean if predicts == "clean" else noise_of(x, clean, on(level, x)))


def usable(seen: Sequence[Seen], count: int) -> list[Seen]:
    """The newest ``count`` predictions, less those at levels without signal, which lie infinitely far away."""
    return [one for one in seen[:count] if log_signal(one.level) > -math.inf]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How a multistep solver looks back, step by step.

    Args:
        predicts: what it integrates along.
        orders: of every step, how many predictions it takes, the newest first.
        integrals: the moments of a step for so many predictions.
        corrected: of every step, how many predictions take part when its end is corrected, among them the one at its
            end; 0 for no correction.
        tau: of a step that starts at this level.
    """

    predicts: Predicts
    orders: Sequence[int]
    integrals: Callable[[ExponentialStep, int], Sequence[float]] = ExponentialStep.moments
    corrected: Sequence[int] = ()
    tau: Callable[[Level], float] = lambda level: 0.0


class _Taken(NamedTuple):
    """A step, with all that its correction needs."""

    step: ExponentialStep
    x: Tensor
    noise: Tensor | None
    corrected: int


def multistep(
    denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise, *, scheme: Scheme
) -> Iterator[Stage]:
    """Walk down the levels with one call of the network a step.

    Steps from a level without signal and to clean data are of first order whatever the scheme says, and are not
    corrected; a step of no length does nothing.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU; the last two
            may be the same.
        noise: the draw of step *i*; not asked for where ``tau`` is 0.
        scheme: the solver.

    Yields:
        One stage after each step.
    """
    seen: list[Seen] = []
    last: _Taken | None = None
    corrected = scheme.corrected or [0] * len(scheme.orders)
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = process.at(t), process.at(end)
        prediction = denoise(x, level)
        found = seen_at(level, x, prediction, scheme.predicts)
        if last is not None and last.corrected:
            # The corrected sample is not shown to the network again.
            x = _corrected(last, found, usable(seen, last.corrected - 1), scheme)
        seen = [found, *seen][: max(*scheme.orders, *corrected)]
        step = ExponentialStep(level, below, scheme.predicts, scheme.tau(level))
        drawn = noise(i) if step.fresh else None
        finite = 0 < step.length < math.inf
        last = _Taken(step, x, drawn, corrected[i]) if finite else None
        if finite:
            x = _stepped(step, x, usable(seen, scheme.orders[i]), scheme)
        elif step.length:
            x = step.straight(x, prediction.clean)
        x = _with(x, step, drawn)
        yield Stage(x, prediction.clean, below)


def _stepped(step: ExponentialStep, x: Tensor, nodes: Sequence[Seen], scheme: Scheme) -> Tensor:
    integrals = scheme.integrals(step, len(nodes))
    weights = weights_of(step.places([node.level for node in nodes]), integrals)
    return step.moved(x, [node.value for node in nodes], weights)


def _corrected(last: _Taken, found: Seen, before: Sequence[Seen], scheme: Scheme) -> Tensor:
    """The last step, taken again with what the network found at its end."""
    return _with(_stepped(last.step, last.x, [found, *before], scheme), last.step, last.noise)


def _with(x: Tensor, step: ExponentialStep, drawn: Tensor | None) -> Tensor:
    return x if drawn is None else x + step.fresh * drawn
