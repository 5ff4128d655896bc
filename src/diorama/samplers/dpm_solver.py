"""DPM-Solver and DPM-Solver++: exponential integrators in log(alpha / sigma), looking back or taking inner steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.samplers.exponential import (
    ExponentialStep,
    Predicts,
    Scheme,
    Seen,
    log_signal,
    multistep,
    seen_at,
    weights_of,
)

SHORT = 15
"""Ways of fewer steps end with steps of lower order, where that is asked for."""


@dataclass(frozen=True, kw_only=True)
class _DPMSolverConfig:
    """What both kinds have.

    Args:
        order: of the steps, 1, 2 or 3.
        predicts: along which prediction a step is integrated: ``clean`` is DPM-Solver++, ``noise`` DPM-Solver.
        rule: of second-order steps, and of the third-order ones of single steps. ``heun`` integrates the polynomial
            exactly; ``midpoint`` takes its value in the middle of a second-order step, and in a third-order one a
            straight line between the first and the last prediction.
        stochastic: follows the reverse SDE in place of the deterministic path.
        third: weights of third-order steps. ``exact`` integrates the parabola; ``published`` does what the authors'
            code and those after it do, which weigh its curvature by half in multistep steps, and in stochastic ones
            with another sign. Such steps are of second order.
        lower_order_final: lowers the order towards the end, see the kinds.

    Reference: C. Lu et al., arXiv:2206.00927 and arXiv:2211.01095.
    """

    order: int = 2
    predicts: Predicts = "clean"
    rule: Literal["midpoint", "heun"] = "midpoint"
    stochastic: bool = False
    third: Literal["exact", "published"] = "exact"
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        if self.order not in (1, 2, 3):
            raise ValueError(f"order must be 1, 2 or 3, got {self.order}")
        if self.third == "published" and self.order == 3 and self.stochastic and self.predicts == "noise":
            raise ValueError(
                "third: stochastic steps of third order along noise have never been published; use 'exact'"
            )

    @property
    def tau(self) -> float:
        """How much fresh noise, see :class:`~diorama.samplers.exponential.ExponentialStep`."""
        return float(self.stochastic)

    def integrals(self, step: ExponentialStep, count: int, *, curvature: float = 0.5) -> list[float]:
        """The moments of a step for so many predictions.

        Args:
            step: it.
            count: of the predictions.
            curvature: by what the published code weighs the parabola's.
        """
        found = step.moments(count, "exact" if self.rule == "heun" else "midpoint")
        if count == 3 and self.third == "published":
            rate = -(1 + self.tau**2) * step.length
            found[2] = 2 * curvature * (found[1] + 0.5) / rate if self.stochastic else curvature * found[2]
        return found


@dataclass(frozen=True, kw_only=True)
class DPMSolverConfig(_DPMSolverConfig):
    """Multistep: each step looks back at the predictions of the steps before, so that it calls the network once.

    Args:
        lower_order_final: of ways of fewer than 15 steps the last is of first order, the one before of second.
        euler_at_final: the last step is of first order, however many there are. To clean data it always is.

    Reference: C. Lu et al., arXiv:2211.01095, algorithm 2 (2M); stochastic: SDE-DPM-Solver++(2M) there.
    """

    euler_at_final: bool = False

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`~diorama.samplers.exponential.multistep` with these settings; noise only where stochastic."""
        orders = multistep_orders(len(times) - 1, self.order, lower_order_final=self.lower_order_final)
        if self.euler_at_final:
            orders[-1] = 1
        scheme = Scheme(predicts=self.predicts, orders=orders, integrals=self.integrals, tau=lambda level: self.tau)
        return multistep(denoise, x, process, times, noise, scheme=scheme)


@dataclass(frozen=True, kw_only=True)
class SinglestepDPMSolverConfig(_DPMSolverConfig):
    """Singlestep: levels are taken in groups of ``order``, and each level of a group is reached from the group's first.

    A group of three is a third-order step with two inner levels. So the network is called once for each level here as
    well, but nothing is remembered beyond a group. Stochastic, every level of a group has noise of its own, which the
    polynomial takes for a change of the prediction: samples vary too little, in inverse proportion to the steps.

    Args:
        lower_order_final: the last step of a full group at the end is one of first order.

    Reference: C. Lu et al., arXiv:2206.00927, algorithms 1 and 2; arXiv:2211.01095, algorithm 1 (2S).
    """

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`singlestep` with these settings; noise only where stochastic."""
        return singlestep(denoise, x, process, times, noise, config=self)

    def weights(self, step: ExponentialStep, levels: list[Level]) -> list[float]:
        """Of the predictions of a group so far, whose first is the step's start."""
        places = step.places(levels)
        if len(levels) == 3 and self.rule == "midpoint":
            first, last = weights_of([places[0], places[2]], step.moments(2))
            return [first, 0.0, last]
        return weights_of(places, self.integrals(step, len(levels), curvature=1.0))


def multistep_orders(steps: int, order: int, *, lower_order_final: bool) -> list[int]:
    """How many predictions each step may take: as many as there are, and fewer in the last two of a short way."""
    orders = [min(order, i + 1) for i in range(steps)]
    if lower_order_final and steps < SHORT:
        orders[-2:] = [min(kept, lower) for kept, lower in zip(orders[-2:], (2, 1)[-steps:], strict=True)]
    return orders


def singlestep_orders(steps: int, order: int, *, lower_order_final: bool) -> list[int]:
    """The place of each step in its group, from 1; the last group may have fewer."""
    places = [i % order + 1 for i in range(steps)]
    if lower_order_final and places[-1] == order:
        places[-1] = 1
    return places


def singlestep(
    denoise: Denoise,
    x: Tensor,
    process: Process,
    times: Tensor,
    noise: DrawNoise,
    *,
    config: SinglestepDPMSolverConfig,
) -> Iterator[Stage]:
    """Walk down the levels in groups.

    A group that would begin at a level without signal begins at the next one; the step to clean data is one of first
    order from the level before.

    Args:
        denoise: the meaning of the network.
        x: (b, ...) a sample at the first level.
        process: whose levels are walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU; the last two may be the same.
        noise: the draw of step *i*; not asked for unless stochastic.
        config: the solver.

    Yields:
        One stage after each step: the sample at an inner level of a group, or at its end.
    """
    places = singlestep_orders(len(times) - 1, config.order, lower_order_final=config.lower_order_final)
    group: list[Seen] = []
    first = x
    for i, (t, end) in enumerate(pairwise(times)):
        level, below = process.at(t), process.at(end)
        prediction = denoise(x, level)
        if places[i] == 1 or below.sigma == 0 or not group or math.isinf(log_signal(group[0].level)):
            group, first = [], x
        group.append(seen_at(level, x, prediction, config.predicts))
        step = ExponentialStep(group[0].level, below, config.predicts, config.tau)
        if math.isinf(step.length):
            x = step.straight(x, prediction.clean)
        elif step.length:
            levels, values = zip(*group, strict=True)
            x = step.moved(first, values, config.weights(step, list(levels)))
        if step.fresh:
            x = x + step.fresh * noise(i)
        yield Stage(x, prediction.clean, below)
