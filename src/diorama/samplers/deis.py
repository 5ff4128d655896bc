"""DEIS: exponential Adams–Bashforth steps with polynomials of the noise in the logarithm of sigma / alpha."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from diorama.core.contracts import Denoise, DrawNoise, Process, Stage
from diorama.samplers.dpm_solver import multistep_orders
from diorama.samplers.exponential import Scheme, multistep


@dataclass(frozen=True, kw_only=True)
class DEISConfig:
    """The sampler's settings. It is deterministic.

    Args:
        order: of the steps, 1, 2 or 3: how many predictions a step looks back at. 1 is DDIM.
        lower_order_final: of ways of fewer than 15 steps the last is of first order, the one before of second.

    Reference: Q. Zhang, Y. Chen, arXiv:2204.13902; the polynomial is in log(sigma / alpha), "log rho" in the
    authors' code.
    """

    order: int = 3
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        if self.order not in (1, 2, 3):
            raise ValueError(f"order must be 1, 2 or 3, got {self.order}")

    def run(self, denoise: Denoise, x: Tensor, process: Process, times: Tensor, noise: DrawNoise) -> Iterator[Stage]:
        """:func:`~diorama.samplers.exponential.multistep` with these settings."""
        orders = multistep_orders(len(times) - 1, self.order, lower_order_final=self.lower_order_final)
        scheme = Scheme(predicts="noise", orders=orders)
        return multistep(denoise, x, process, times, noise, scheme=scheme)
