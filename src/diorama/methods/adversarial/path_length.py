"""Path length regularisation: a step in style space moves every picture as far, which smooths the generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core.contracts import Batch, Loss, Moment
from diorama.losses.path_length import path_lengths
from diorama.methods.base import Phase


@dataclass(frozen=True, kw_only=True)
class PathLengthConfig:
    """The penalty on lengths that differ from their running mean. Only generators with styles have it.

    Args:
        weight: of the penalty; 0 for none.
        interval: it is taken in every so many turns of the generator, and weighs as much more.
        decay: how far the running mean moves towards that of a batch.
        shrink: the penalty takes one in so many pictures of a batch, at least one.

    Reference: Karras et al. 2020, arXiv 1912.04958, section 3.2 and appendix B; 2, 4, 0.01 and 2 in the authors' code.
    """

    weight: float = 2.0
    interval: int = 4
    decay: float = 0.01
    shrink: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight must be at least 0 and finite, got {self.weight}")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1, got {self.decay}")
        if min(self.interval, self.shrink) < 1:
            raise ValueError(f"interval and shrink must be at least 1, got {self.interval} and {self.shrink}")


class PathPenalty(NamedTuple):
    """(b,) each: the squared distance from the mean length, the same with its weight, and the lengths."""

    penalty: Tensor
    weighted: Tensor
    lengths: Tensor


class PathLength(nn.Module):
    """The penalty, and the running mean of lengths: a buffer, so that it is saved."""

    def __init__(self, config: PathLengthConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(()))
        self.mean: Tensor

    def forward(
        self,
        pictures: Float[Tensor, "b c h w"],
        styles: Float[Tensor, "b n d"],
        noise: Float[Tensor, "b c h w"] | None = None,
    ) -> PathPenalty:
        """Penalties of pictures; the mean has moved first, and gradients go through it.

        Args:
            pictures: drawn of the styles.
            styles: one for each layer; they have gradients.
            noise: the direction, see :func:`~diorama.losses.path_length.path_lengths`.
        """
        lengths = path_lengths(pictures, styles, noise)
        mean = self.mean.lerp(lengths.mean(), self.config.decay)
        self.mean.copy_(mean.detach())
        penalty = (lengths - mean).square()
        return PathPenalty(penalty, self.config.weight * penalty, lengths)


def path_length_phase(loss: Callable[[Batch, Moment], Loss], interval: int, generator_interval: int) -> Phase:
    """The phase ``generator.path_length``: one turn of the generator in ``interval``, weighing as many times as much.

    Args:
        loss: the weighted penalty.
        interval: turns of the generator.
        generator_interval: steps between these.

    Reference: Karras et al. 2020, arXiv 1912.04958, section 3.1 (lazy regularisation).
    """
    return Phase(
        "generator.path_length",
        "generator",
        loss,
        interval=interval * generator_interval,
        weight=float(interval),
        second_order=True,
        recorded=True,
    )
