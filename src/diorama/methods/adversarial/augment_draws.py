"""Where the random numbers of augmentations come from: drawn, given, or all at one place of their distributions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

Numbers = Callable[[tuple[int, ...]], Tensor]
"""From a shape to numbers."""


class Draws(Protocol):
    """What augmentations ask for, in the order in which they ask."""

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1)."""
        ...

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        ...

    def magnitude(self, *shape: int) -> Tensor:
        """Absolute values of standard normal numbers."""
        ...

    def second_turn(self, *shape: int) -> Tensor:
        """In [0, 1), of the second of two turns."""
        ...

    def happens(self, probability: Tensor | float, *shape: int) -> Tensor:
        """Whether something is done."""
        ...

    def noise(self, *shape: int) -> Tensor:
        """Standard normal, for every pixel."""
        ...


class RandomDraws:
    """Random numbers.

    Args:
        uniform: gives them in [0, 1).
        normal: gives standard normal ones.
    """

    def __init__(self, uniform: Numbers, normal: Numbers) -> None:
        self._uniform, self._normal = uniform, normal

    @staticmethod
    def on(device: torch.device) -> RandomDraws:
        """From PyTorch's generator of a device."""
        return RandomDraws(partial(torch.rand, device=device), partial(torch.randn, device=device))

    def uniform(self, *shape: int) -> Tensor:
        return self._uniform(shape)

    def normal(self, *shape: int) -> Tensor:
        return self._normal(shape)

    def magnitude(self, *shape: int) -> Tensor:
        return self._normal(shape).abs()

    def second_turn(self, *shape: int) -> Tensor:
        return self._uniform(shape)

    def happens(self, probability: Tensor | float, *shape: int) -> Tensor:
        return self._uniform(shape) < probability

    def noise(self, *shape: int) -> Tensor:
        return self._normal(shape)


class PercentileDraws:
    """Everything is done, by the same share of its distribution: the published code's ``debug_percentile``.

    It is no quantile: normal numbers are ``erfinv(2 p - 1)``, without the factor sqrt(2), and the second turn is none.

    Args:
        percentile: p, in [0, 1].
        noise: of every pixel.
        device: of the numbers.
    """

    def __init__(self, percentile: float, noise: Numbers, device: torch.device) -> None:
        self._share = torch.tensor(percentile, device=device)
        self._noise = noise

    def uniform(self, *shape: int) -> Tensor:
        return self._share.expand(shape)

    def normal(self, *shape: int) -> Tensor:
        return (2 * self._share - 1).erfinv().expand(shape)

    def magnitude(self, *shape: int) -> Tensor:
        return self._share.erfinv().expand(shape)

    def second_turn(self, *shape: int) -> Tensor:
        return torch.full(shape, 0.5, device=self._share.device)

    def happens(self, probability: Tensor | float, *shape: int) -> Tensor:
        return torch.ones(shape, dtype=torch.bool, device=self._share.device)

    def noise(self, *shape: int) -> Tensor:
        return self._noise(shape)
