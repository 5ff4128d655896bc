"""Free-form masks: brush strokes that turn to and fro, and boxes.

Reference: Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", ICCV 2019, arXiv
1806.03589, algorithm 1 and section 3.5.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

STROKES, VERTICES, LEAST_VERTICES = 3, 12, 4
"""Most strokes of a mask, most pieces of a stroke, and fewest."""
_OF_MASK, _OF_STROKE, _OF_PIECE = 6, 4, 3
DRAWS = _OF_MASK + STROKES * (_OF_STROKE + VERTICES * _OF_PIECE)
"""Random numbers that one mask is made of."""
_TURN, _SPREAD = 2 * math.pi / 5, 2 * math.pi / 15
_LONGEST = 0.25
"""Of a piece, as a share of the picture's diagonal."""
_BRUSH = (12 / 256, 40 / 256)
"""Least and greatest width of the brush, as shares of the shorter side."""
_LEAST_BRUSH = 1.5
"""In pixels: a disc of this width covers the centre of a pixel wherever it lies."""
_BOX = (0.25, 0.5)
"""Least and greatest sides of a box, as shares of the picture's."""


def free_form_masks(draws: Float[Tensor, "b n"], size: tuple[int, int]) -> Float[Tensor, "b 1 h w"]:
    """Masks with one to three strokes each; in half of them also a box.

    A stroke has 4 to 12 pieces, which turn to its left and to its right in turn, each with a brush of its own width
    and round ends. In place of the paper's flips each stroke has a direction of its own. All masks are made of the same
    operations on the device of ``draws``, and nothing is read from it.

    Args:
        draws: uniform in [0, 1]; n is :data:`DRAWS`.
        size: (height, width) in pixels.

    Returns:
        float32, 1 where something is to be drawn, and 0 elsewhere. At least one pixel of each mask is 1.

    Raises:
        ValueError: there are more or fewer draws.
    """
    if draws.shape[1] != DRAWS:
        raise ValueError(f"draws: a mask is made of {DRAWS} numbers, got {draws.shape[1]}")
    of_mask, rest = draws.float().split([_OF_MASK, DRAWS - _OF_MASK], dim=1)
    rows = torch.arange(size[0], device=draws.device)[:, None] + 0.5
    columns = torch.arange(size[1], device=draws.device) + 0.5
    strokes = rest.unflatten(1, (STROKES, -1))  # (b, strokes, draws of a stroke and of its pieces)
    marked = _brushed(strokes, rows, columns)
    kept = torch.arange(STROKES, device=draws.device) <= of_mask[:, :1] * STROKES
    stroked = (marked & kept[..., None, None]).any(1, keepdim=True)
    return (stroked | _boxed(of_mask[:, 1:, None, None, None], rows, columns)).float()


def _brushed(strokes: Float[Tensor, "b s n"], rows: Tensor, columns: Tensor) -> Tensor:
    """Which pixels each stroke covers: (b, s, h, w)."""
    height, width = len(rows), len(columns)
    of_stroke, of_pieces = strokes[..., None, None].split([_OF_STROKE, VERTICES * _OF_PIECE], dim=2)
    x, y, direction, pieces = of_stroke.unbind(2)  # (b, s, 1, 1) each
    x, y, direction = x * width, y * height, direction * (2 * math.pi)
    pieces = LEAST_VERTICES + pieces * (VERTICES - LEAST_VERTICES + 1)
    least, greatest = (share * min(height, width) for share in _BRUSH)
    marked = torch.zeros(*strokes.shape[:2], height, width, dtype=torch.bool, device=strokes.device)
    for piece, drawn in enumerate(of_pieces.unflatten(2, (VERTICES, _OF_PIECE)).unbind(2)):
        turn, length, brush = drawn.unbind(2)
        side = 1 if piece % 2 else -1
        angle = direction + side * (_TURN + (2 * turn - 1) * _SPREAD)
        length = length * _LONGEST * math.hypot(height, width)
        radius = (least + brush * (greatest - least)).clamp(min=_LEAST_BRUSH) / 2
        across, down = angle.cos(), angle.sin()
        along = ((columns - x) * across + (rows - y) * down).clamp(min=0).minimum(length)
        apart = (columns - x - along * across).square() + (rows - y - along * down).square()
        marked = marked | ((apart <= radius.square()) & (pieces >= piece + 1))
        x, y = (x + length * across).clamp(0, width), (y + length * down).clamp(0, height)
    return marked


def _boxed(draws: Float[Tensor, "b n 1 1 1"], rows: Tensor, columns: Tensor) -> Tensor:
    """Which pixels lie in each mask's box: (b, 1, h, w)."""
    present, down, across, high, wide = draws.unbind(1)
    inside = present > 0.5
    for place, extent, pixels, side in ((down, high, rows, len(rows)), (across, wide, columns, len(columns))):
        extent = (_BOX[0] + extent * (_BOX[1] - _BOX[0])) * side
        start = place * (side - extent)
        inside = inside & (pixels >= start) & (pixels < start + extent)
    return inside
