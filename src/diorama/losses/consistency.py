"""How far two answers to neighbouring questions lie apart, one value a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from diorama.core.device import at_least_float32


@dataclass(frozen=True, kw_only=True)
class Distance:
    """A distance between pictures.

    Args:
        kind: the mean absolute difference; the mean squared difference; or the pseudo-Huber distance
            ``sqrt(d² + c²) - c`` of the Euclidean distance d, which lies between both.
        huber: c of the latter, for one value a sample; it grows with the square root of their number.
        size: pictures are first scaled to so many pixels a side; ``None`` for none.

    Reference: the first two Y. Song et al., arXiv:2303.01469, section 5.1; the last Y. Song, P. Dhariwal,
    arXiv:2310.14189, section 3.3 (c = 0.00054 sqrt(values)).
    """

    kind: Literal["l1", "l2", "huber"] = "huber"
    huber: float = 0.00054
    size: int | None = None

    def __post_init__(self) -> None:
        if not self.huber >= 0:
            raise ValueError(f"huber must be at least 0, got {self.huber}")
        if self.size is not None and self.size < 1:
            raise ValueError(f"size must be at least 1, got {self.size}")

    def between(self, a: Float[Tensor, "b ..."], b: Float[Tensor, "b ..."]) -> Float[Tensor, " b"]:
        """The distances."""
        a, b = at_least_float32(a), at_least_float32(b)
        if self.size is not None:
            a, b = (functional.interpolate(x, size=self.size, mode="bilinear") for x in (a, b))
        difference = (a - b).flatten(1)
        if self.kind == "l1":
            return difference.abs().mean(1)
        square = difference.square()
        if self.kind == "l2":
            return square.mean(1)
        c = self.huber * difference.shape[1] ** 0.5
        # With c = 0 the root of no difference has no slope.
        return torch.sqrt(square.sum(1) + max(c * c, 1e-12)) - c
