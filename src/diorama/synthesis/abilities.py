"""What some synthesizers can be asked for beyond samples."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from diorama.core.contracts import Condition


@runtime_checkable
class Reconstructs(Protocol):
    """Has a code for every picture, and draws the picture again from it."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """Pictures (b, c, h, w) in [-1, 1] from their codes."""
        ...


@runtime_checkable
class BoundsBits(Protocol):
    """Has an upper bound on the code length of pictures."""

    def bits_per_dim(
        self, x: Tensor, /, *, condition: Condition | None = None, seed: int = 0, first: int = 0
    ) -> Tensor:
        """(b,) bits per dimension of pictures (b, c, h, w) in [-1, 1], under what they were given; ``seed`` and
        ``first``, the first picture's index, name the draws of bounds that need some."""
        ...
