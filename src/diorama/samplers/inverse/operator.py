"""What a linear measurement of pictures offers: forward, adjoint, and its singular value decomposition.

A sampler needs of the decomposition ``A = U S V'`` only what stands here: how a picture is read in the right singular
vectors, how a picture is put together from them, and the singular values. What no vector reaches is not measured.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

LEAST_SINGULAR_VALUE = 1e-3
"""Of the largest; what is measured more weakly counts as not measured, since float32 could not bring it back."""


class Operator(ABC):
    """A linear measurement of pictures (b, c, h, w), of real numbers."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The measurement (b, ...) of pictures (b, c, h, w); differentiable."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """A picture (b, c, h, w) for a measurement (b, ...): ``<forward(x), y> = <x, adjoint(y)>``."""

    @property
    @abstractmethod
    def singular(self) -> Tensor:
        """The singular values, which broadcast against coefficients; 0 where nothing is measured."""

    @abstractmethod
    def coefficients(self, x: Tensor) -> Tensor:
        """What is measured of pictures, along the right singular vectors: ``V' x``, 0 where nothing is measured."""

    @abstractmethod
    def combined(self, coefficients: Tensor) -> Tensor:
        """The picture (b, c, h, w) that has these coefficients and nothing beside them: ``V c``."""

    @abstractmethod
    def measured(self, y: Tensor) -> Tensor:
        """The coefficients that a measurement tells, ``S⁺ U' y``; noise of deviation d in it has d / s in them."""

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """The smallest of the pictures that explain a measurement best."""
        return self.combined(self.measured(y))


class TightOperator(Operator):
    """A measurement whose singular values are all the same: ``A A' y = scale² y`` for every y that A can give."""

    scale: float = 1.0

    @property
    def singular(self) -> Tensor:
        """The one value, shape ()."""
        return torch.tensor(self.scale, dtype=torch.float64)

    def coefficients(self, x: Tensor) -> Tensor:
        """See :meth:`Operator.coefficients`."""
        return self.forward(x) / self.scale

    def combined(self, coefficients: Tensor) -> Tensor:
        """See :meth:`Operator.combined`."""
        return self.adjoint(coefficients) / self.scale

    def measured(self, y: Tensor) -> Tensor:
        """See :meth:`Operator.measured`."""
        # There and back leaves out what no picture gives, such as noise that differs between a line and its mirror.
        return self.forward(self.adjoint(y)) / self.scale**3


def largest_singular_value(operator: Operator, shape: tuple[int, int, int], like: Tensor, rounds: int = 30) -> float:
    """The norm of an operator on pictures (c, h, w), by power iteration from a fixed start.

    Args:
        operator: the operator.
        shape: of one picture.
        like: gives type and device.
        rounds: of the iteration.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, *shape, generator=generator).to(like)
    for _ in range(rounds):
        x = operator.adjoint(operator.forward(x / x.norm()))
    return float(x.norm().sqrt())
