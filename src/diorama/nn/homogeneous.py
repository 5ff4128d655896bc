"""Affine maps of the plane and of colours as matrices, one for each sample: (b, 3, 3) and (b, 4, 4)."""

from __future__ import annotations

import torch
from torch import Tensor


def matrix(rows: tuple[tuple[Tensor | float, ...], ...], like: Tensor) -> Tensor:
    """Matrices of numbers and of tensors (b,), which stand beside a tensor with a batch of b: (b, rows, columns)."""
    b = len(like)
    cells = [cell if isinstance(cell, Tensor) else like.new_full((b,), cell) for row in rows for cell in row]
    return torch.stack(cells, dim=1).reshape(b, len(rows), -1)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Factors (b,) to the right and down."""
    return matrix(((x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, 1.0)), x)


def turning(angle: Tensor) -> Tensor:
    """A turn by angles (b,), from the right to the bottom."""
    cos, sin = angle.cos(), angle.sin()
    return matrix(((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0)), angle)


def moving(x: Tensor, y: Tensor) -> Tensor:
    """Moves (b,) to the right and down."""
    return matrix(((1.0, 0.0, x), (0.0, 1.0, y), (0.0, 0.0, 1.0)), x)


def moving_colours(by: Tensor) -> Tensor:
    """The same (b,) added to each of three colours."""
    return matrix(((1.0, 0.0, 0.0, by), (0.0, 1.0, 0.0, by), (0.0, 0.0, 1.0, by), (0.0, 0.0, 0.0, 1.0)), by)


def scaling_colours(by: Tensor) -> Tensor:
    """Each of three colours times the same (b,)."""
    return matrix(((by, 0.0, 0.0, 0.0), (0.0, by, 0.0, 0.0), (0.0, 0.0, by, 0.0), (0.0, 0.0, 0.0, 1.0)), by)


def grey(like: Tensor) -> Tensor:
    """What every colour's grey is: the projection on the axis on which all three are equal."""
    third = 1 / 3
    row = (third, third, third, 0.0)
    return matrix((row, row, row, (0.0, 0.0, 0.0, 0.0)), like)


def turning_hues(angle: Tensor) -> Tensor:
    """Colours turned about the axis of greys by angles (b,)."""
    cos, sin = angle.cos(), angle.sin() / 3**0.5
    same, after, before = (1 - cos) / 3 + cos, (1 - cos) / 3 - sin, (1 - cos) / 3 + sin
    rows = ((same, after, before, 0.0), (before, same, after, 0.0), (after, before, same, 0.0), (0.0, 0.0, 0.0, 1.0))
    return matrix(rows, angle)
