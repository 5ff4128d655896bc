"""The Radon transform of parallel beams: what a CT scan measures, idealised."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from diorama.samplers.inverse.operator import LEAST_SINGULAR_VALUE, Operator

_MOST_ROWS = 12_000
"""Rays whose decomposition is worked out: its time grows with their cube, its memory with their square."""
_MOST_ANGLES = 4_096
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class CTConfig:
    """How many views of a picture are taken.

    Args:
        angles: views, evenly spread over half a turn, at most 4,096: scanners take about a thousand.
    """

    angles: int = 30

    def __post_init__(self) -> None:
        if self.angles < 1:
            raise ValueError(f"angles must be at least 1, got {self.angles}")
        if self.angles > _MOST_ANGLES:
            raise ValueError(f"angles must be at most {_MOST_ANGLES:,}, got {self.angles:,}")

    def build(self, shape: tuple[int, int, int], like: Tensor) -> RadonOperator:
        """The operator for pictures (c, h, w), of the type and on the device of ``like``."""
        return RadonOperator(shape, self.angles, like)


class RadonOperator(Operator):
    """Sums of a picture along parallel rays, one ray a pixel wide, divided by the picture's longer side.

    Along a ray the picture is read at steps of one pixel by linear interpolation, and is 0 outside.

    Args:
        shape: (c, h, w) of a picture.
        angles: views, evenly spread over half a turn.
        like: gives type and device.
    """

    def __init__(self, shape: tuple[int, int, int], angles: int, like: Tensor) -> None:
        self.shape, self.angles = shape, angles
        self.side = max(shape[1:])
        self.bins = math.ceil(math.hypot(*shape[1:]))
        matrix = (_rays(shape[1], shape[2], angles, self.bins) / self.side).to(like)
        self._matrix, self._transposed = _compressed(matrix), _compressed(matrix.t().coalesce())

    def forward(self, x: Tensor) -> Tensor:
        """The sinograms (b, c, angles, bins) of pictures (b, c, h, w)."""
        rays = _product(x.reshape(-1, self.shape[1] * self.shape[2]), self._matrix, self._transposed)
        return rays.reshape(-1, self.shape[0], self.angles, self.bins)

    def adjoint(self, y: Tensor) -> Tensor:
        """Each pixel is given the sum of the rays through it: back-projection without a filter."""
        pixels = _product(y.reshape(-1, self.angles * self.bins), self._transposed, self._matrix)
        return pixels.reshape(-1, *self.shape)

    @property
    def singular(self) -> Tensor:
        """(k,) rising."""
        return self._decomposed[0]

    def coefficients(self, x: Tensor) -> Tensor:
        """(b, c, k); V' is S⁻¹ U' A."""
        singular, left = self._decomposed
        return self.forward(x).flatten(2) @ left / singular

    def combined(self, coefficients: Tensor) -> Tensor:
        """V is A' U S⁻¹."""
        singular, left = self._decomposed
        rays = (coefficients / singular) @ left.t()
        return self.adjoint(rays.reshape(-1, self.shape[0], self.angles, self.bins))

    def measured(self, y: Tensor) -> Tensor:
        """(b, c, k)."""
        singular, left = self._decomposed
        return y.flatten(2) @ left / singular

    @cached_property
    def _decomposed(self) -> tuple[Tensor, Tensor]:
        """Singular values (k,), and the left singular vectors (rays, k), of A A' = U S² U'."""
        rows = self.angles * self.bins
        if rows > _MOST_ROWS:
            raise ValueError(
                f"angles: {self.angles} views of {self.bins} rays are too many to decompose ({_MOST_ROWS:,} rays at "
                "most); take fewer, or the method dps, which does not decompose"
            )
        wide, back = self._matrix.to(torch.float64), self._transposed.to(torch.float64)
        products = []
        for start in range(0, rows, _ROWS_AT_ONCE):
            count = min(_ROWS_AT_ONCE, rows - start)
            unit = torch.zeros(rows, count, dtype=torch.float64, device=wide.device)
            unit[start : start + count] = torch.eye(count, dtype=torch.float64, device=wide.device)
            products.append(wide @ (back @ unit))
        squared, left = torch.linalg.eigh(torch.cat(products, 1))
        singular = squared.clamp(min=0).sqrt()
        kept = singular > LEAST_SINGULAR_VALUE * singular[-1]
        return singular[kept].to(self._matrix.dtype), left[:, kept].to(self._matrix.dtype).contiguous()


class _Product(torch.autograd.Function):
    """Rows (b, n) times the transpose of a sparse matrix (m, n), whose own transpose serves the way back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.matrices = (transposed, matrix)
        return (matrix @ rows.t().contiguous()).t().contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _product(gradient, *ctx.matrices), None, None


def _product(rows: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
    found: Tensor = _Product.apply(rows, matrix, transposed)
    return found


def _compressed(matrix: Tensor) -> Tensor:
    """In compressed rows, whose products take a tenth of the time on a CPU."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
        return matrix.coalesce().to_sparse_csr()


def _rays(height: int, width: int, angles: int, bins: int) -> Tensor:
    """The sparse matrix (angles · bins, height · width), float64."""
    place = torch.arange(bins, dtype=torch.float64) - (bins - 1) / 2
    across, along = place[:, None], place[None, :]  # which ray, and how far along it
    rows, columns, weights = [], [], []
    for number in range(angles):
        turn = math.pi * number / angles
        x = math.cos(turn) * across + math.sin(turn) * along + (width - 1) / 2
        y = -math.sin(turn) * across + math.cos(turn) * along + (height - 1) / 2
        ray = (number * bins + torch.arange(bins))[:, None].expand(bins, bins)
        for column in (x.floor(), x.floor() + 1):
            for row in (y.floor(), y.floor() + 1):
                weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
                inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (weight > 0)
                rows.append(ray[inside])
                columns.append((row * width + column)[inside].long())
                weights.append(weight[inside])
    indices = torch.stack([torch.cat(rows), torch.cat(columns)])
    size = (angles * bins, height * width)
    return torch.sparse_coo_tensor(indices, torch.cat(weights), size, check_invariants=False).coalesce()
