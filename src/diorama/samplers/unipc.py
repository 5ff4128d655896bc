"""UniPC: a multistep predictor, and a corrector of the same form that costs no further call of the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.samplers.exponential import ExponentialStep, Predicts, Scheme, multistep


@dataclass(frozen=True, kw_only=True)
class UniPCConfig:
    """The sampler's settings. It is deterministic.

    Args:
        order: predictions that the predictor looks back at, at least 1; with the corrector the order is one higher.
        predicts: along which prediction a step is integrated.
        variant: the paper's B(h), ``h`` for bh1 or ``exp(h) - 1`` for bh2. It counts only where two predictions are at
            hand, since more determine their weights.
        lower_order_final: a step takes at most as many predictions as steps are left.
        uncorrected: steps, counted from 0, whose end is not corrected.

    Reference: W. Zhao, L. Bai, Y. Rao, J. Zhou, J. Lu, arXiv:2302.04867, algorithms 1 and 2; two predictions have the
    weight 1/2 that needs no equation solved.
    """

    order: int = 2
    predicts: Predicts = "clean"
    variant: Literal["bh1", "bh2"] = "bh2"
    lower_order_final: bool = True
    uncorrected: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.order < 1:
            raise ValueError(f"order must be at least 1, got {self.order}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`~diorama.samplers.exponential.multistep` with these settings."""
        steps = len(times) - 1
        orders = predictor_orders(steps, self.order, lower_order_final=self.lower_order_final)
        scheme = Scheme(
            predicts=self.predicts,
            orders=orders,
            corrected=[0 if i in self.uncorrected else order + 1 for i, order in enumerate(orders)],
            integrals=self._integrals,
        )
        return multistep(denoise, x, process, times, noise, scheme=scheme)

    def _integrals(self, step: ExponentialStep, count: int) -> list[float]:
        return step.moments(count, "half" if self.variant == "bh1" else "midpoint")


def predictor_orders(steps: int, order: int, *, lower_order_final: bool) -> list[int]:
    """How many predictions each step takes: as many as there are and, where it is asked for, as steps are left."""
    return [min(order, i + 1, steps - i if lower_order_final else order) for i in range(steps)]
