"""Blurring by a Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.nn.similarity import gaussian_window
from diorama.samplers.inverse.operator import LEAST_SINGULAR_VALUE, Operator

_REACH = 4.0
"""Deviations at which the kernel ends."""


@dataclass(frozen=True, kw_only=True)
class BlurConfig:
    """How much a picture is blurred.

    Args:
        sigma: standard deviation of the kernel in pixels.
    """

    sigma: float = 2.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"sigma must be above 0, got {self.sigma:g}")

    def build(self, shape: tuple[int, int, int], like: Tensor) -> BlurOperator:
        """The operator for pictures (c, h, w), of the type and on the device of ``like``.

        Raises:
            ValueError: the kernel is larger than the picture.
        """
        return BlurOperator(shape, self.sigma, like)


class BlurOperator(Operator):
    """A Gaussian over pictures that are mirrored at their edges, where cosines are its singular vectors.

    Args:
        shape: (c, h, w) of a picture.
        sigma: standard deviation of the kernel in pixels.
        like: gives type and device.

    Raises:
        ValueError: the kernel is larger than the picture.
    """

    def __init__(self, shape: tuple[int, int, int], sigma: float, like: Tensor) -> None:
        if int(_REACH * sigma + 0.5) > min(shape[1:]):
            raise ValueError(f"sigma: a blur of {sigma:g} reaches further than pictures of {shape[2]} x {shape[1]}")
        (self._rows, down), (self._columns, along) = (_cosines(side, sigma) for side in shape[1:])
        self._transfer = (down[:, None] * along[None, :]).to(like)
        self._rows, self._columns = self._rows.to(like), self._columns.to(like)
        self._singular = torch.where(self._transfer > LEAST_SINGULAR_VALUE, self._transfer, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """See :meth:`Operator.forward`."""
        return self._back(self._transfer * self._cosines_of(x))

    def adjoint(self, y: Tensor) -> Tensor:
        """The blur itself, which is symmetric."""
        return self.forward(y)

    @property
    def singular(self) -> Tensor:
        """(h, w), of each cosine."""
        return self._singular

    def coefficients(self, x: Tensor) -> Tensor:
        """(b, c, h, w), the cosine transform where the blur leaves something of it."""
        return torch.where(self._singular > 0, self._cosines_of(x), 0.0)

    def combined(self, coefficients: Tensor) -> Tensor:
        """See :meth:`Operator.combined`."""
        return self._back(torch.where(self._singular > 0, coefficients, 0.0))

    def measured(self, y: Tensor) -> Tensor:
        """(b, c, h, w)."""
        return torch.where(self._singular > 0, self._cosines_of(y) / self._transfer, 0.0)

    def _cosines_of(self, x: Tensor) -> Tensor:
        return self._rows @ x @ self._columns.t()

    def _back(self, coefficients: Tensor) -> Tensor:
        return self._rows.t() @ coefficients @ self._columns


def _cosines(side: int, sigma: float) -> tuple[Tensor, Tensor]:
    """The orthonormal cosine transform (side, side), type II, and what the blur leaves of each cosine (side,)."""
    frequency, place = torch.arange(side, dtype=torch.float64), torch.arange(side, dtype=torch.float64) + 0.5
    matrix = torch.cos(math.pi / side * frequency[:, None] * place[None, :]) * math.sqrt(2 / side)
    matrix[0] /= math.sqrt(2)
    reach = int(_REACH * sigma + 0.5)
    offset = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = gaussian_window(2 * reach + 1, sigma)
    return matrix, torch.cos(math.pi / side * frequency[:, None] * offset[None, :]) @ kernel
