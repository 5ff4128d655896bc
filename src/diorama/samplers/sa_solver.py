"""SA-Solver: stochastic Adams methods, a multistep predictor and corrector of the reverse SDE."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Level, Process, Stage
from diorama.samplers.exponential import ExponentialStep, Predicts, Scheme, multistep
from diorama.samplers.unipc import predictor_orders


@dataclass(frozen=True, kw_only=True)
class SASolverConfig:
    """The sampler's settings.

    Args:
        predictor_order: predictions that the predictor looks back at, 1 to 4.
        corrector_order: predictions that the corrector takes, with the one at the step's end, 1 to 4; 0 corrects
            nothing.
        predicts: along which prediction a step is integrated.
        tau: how much fresh noise, where there is any: 0 is the deterministic path, 1 the reverse SDE.
        tau_low: sigma / alpha below which no step adds noise.
        tau_high: sigma / alpha above which none does.
        lower_order_final: a step takes at most as many predictions as steps are left.

    Reference: S. Xue et al., arXiv:2309.05019, algorithm 1; where two clean samples are at hand, the line between them
    is integrated with 1/2, as the authors' code does.
    """

    predictor_order: int = 2
    corrector_order: int = 2
    predicts: Predicts = "clean"
    tau: float = 1.0
    tau_low: float = 0.0
    tau_high: float = math.inf
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.predictor_order <= 4:
            raise ValueError(f"predictor_order must be in 1 … 4, got {self.predictor_order}")
        if not 0 <= self.corrector_order <= 4:
            raise ValueError(f"corrector_order must be in 0 … 4, got {self.corrector_order}")
        if not 0 <= self.tau < math.inf:
            raise ValueError(f"tau must be at least 0 and finite, got {self.tau}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`~diorama.samplers.exponential.multistep` with these settings; noise only where tau is not 0."""
        steps = len(times) - 1
        scheme = Scheme(
            predicts=self.predicts,
            orders=predictor_orders(steps, self.predictor_order, lower_order_final=self.lower_order_final),
            corrected=self._corrected(steps),
            integrals=self._integrals,
            tau=self._tau,
        )
        return multistep(denoise, x, process, times, noise, scheme=scheme)

    def _corrected(self, steps: int) -> list[int]:
        """Of each step, how many predictions correct its end: at most two more than there were steps before it."""
        last = self.corrector_order
        return [min(last, i + 2, steps - i + 1 if self.lower_order_final else last) for i in range(steps)]

    def _integrals(self, step: ExponentialStep, count: int) -> list[float]:
        return step.moments(count, "half" if self.predicts == "clean" else "exact")

    def _tau(self, level: Level) -> float:
        inside = self.tau_low * level.alpha <= level.sigma <= self.tau_high * level.alpha
        return self.tau if inside else 0.0
