"""The R1 penalty as a turn of its own, taken now and then."""

from __future__ import annotations

import math
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Batch, Loss, Moment
from diorama.losses import penalties
from diorama.losses.penalties import Discriminator
from diorama.methods.base import Phase


def check_r1(weight: float, interval: int) -> None:
    """Refuse a penalty that would reward steep discriminators, or that has no turn.

    Raises:
        ValueError: the weight is negative or not finite, or the interval is below 1; the message names the field.
    """
    if not 0 <= weight < math.inf:
        raise ValueError(f"r1 must be at least 0 and finite, got {weight}")
    if interval < 1:
        raise ValueError(f"r1_interval must be at least 1, got {interval}")


def r1_phase(player: str, penalty: Callable[[Batch, Moment], Loss], interval: int) -> Phase:
    """The phase ``player.r1`` of a discriminator: one step in ``interval``, weighing as many times as much.

    Reference: Karras, Laine, Aittala, Hellsten, Lehtinen, Aila 2020, arXiv 1912.04958, section 3.1 (lazy
        regularisation).
    """
    return Phase(
        f"{player}.r1", player, penalty, interval=interval, weight=float(interval), second_order=True, recorded=True
    )


def r1_loss(discriminator: Discriminator, real: Float[Tensor, "b ..."], gamma: float) -> Loss:
    """Half of ``gamma`` times the squared norm of the gradient at real samples.

    Reference: Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406, equation 9.
    """
    return Loss(0.5 * gamma * penalties.r1(discriminator, real))
