"""Pictures under affine maps, without the jagged edges that plain interpolation leaves.

Reference: T. Karras et al., arXiv:2006.06676, appendix B; as T. Karras, M. Aittala, T. Aila, S. Laine,
arXiv:2206.00364, appendix F.2, use it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn.homogeneous import matrix

_TAPS = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""The low-pass filter of the wavelet of Daubechies with the least asymmetry and six vanishing moments ("sym6").
Doubling and halving with it, without anything between, gives back what went in."""
_MARGIN = len(_TAPS) // 4
"""Pixels of what comes out, on every side, that halving reads beyond the picture."""


def warped(images: Tensor, inverse: Tensor, rim: tuple[int, int, int, int] | None = None) -> Tensor:
    """Pictures moved, turned or stretched: doubled by a filter, read between pixels, and halved by the filter.

    What comes in over the edges is the picture mirrored at its outermost pixels; what lies further away than the
    picture's own size less one pixel, or than ``rim`` where it is given, is 0.

    Args:
        images: (b, c, h, w) float32, h and w at least 2.
        inverse: (b, 3, 3) float32: where a place of what comes out lies in the picture, in pixels to the right and down
            from the middle. Pictures whose map is the identity come back as they are, bit for bit.
        rim: pixels on the left, right, top and bottom that are mirrored, see :func:`needed_rim`; ``None`` for all.

    Returns:
        (b, c, h, w), which can be differentiated by the pictures any number of times.
    """
    b, c, h, w = images.shape
    left, right, top, bottom = rim = rim or (w - 1, w - 1, h - 1, h - 1)
    padded = F.pad(images, rim, mode="reflect")
    with torch.autocast(images.device.type, enabled=False):
        fine = _doubled(padded)
        size = [b, c, 2 * (h + 2 * _MARGIN), 2 * (w + 2 * _MARGIN)]
        # In pixels of the doubled picture, the middle of which lies half a pixel aside of that of its filter.
        half, middle = _shift(-0.5, -0.5, inverse), _shift((left - right) / 2, (top - bottom) / 2, inverse)
        finer, coarser = _scale(2.0, 2.0, inverse), _scale(0.5, 0.5, inverse)
        moved = half @ finer @ middle @ inverse @ coarser @ _shift(0.5, 0.5, inverse)
        into = _scale(2 / fine.shape[3], 2 / fine.shape[2], inverse)
        grid = F.affine_grid(
            (into @ moved @ _scale(size[3] / 2, size[2] / 2, inverse))[:, :2], size, align_corners=False
        )
        read = _Read.apply(fine, grid) if torch.is_grad_enabled() and fine.requires_grad else _read(fine, grid)
        found = _halved(read)
    same = (inverse == torch.eye(3, device=inverse.device)).all(dim=2).all(dim=1)
    return torch.where(same[:, None, None, None], images, found)


def needed_rim(inverse: Tensor, height: int, width: int) -> tuple[int, int, int, int]:
    """How many pixels beyond a picture's edges its maps reach, filters included: left, right, top, bottom.

    The largest of the batch, at most the picture's own size less one pixel. It waits for the device.

    Args:
        inverse: (b, 3, 3), see :func:`warped`.
        height: of the pictures.
        width: of the pictures.
    """
    x, y = (width - 1) / 2, (height - 1) / 2
    corners = inverse.new_tensor([[-x, x, x, -x], [-y, -y, y, y], [1.0, 1.0, 1.0, 1.0]])
    seen = inverse @ corners  # (b, 3, 4)
    beyond = []
    for axis, middle, most in ((0, x, width - 1), (1, y, height - 1)):
        for reach in (-seen[:, axis].min(), seen[:, axis].max()):
            beyond.append((reach + 2 * _MARGIN - middle).clamp(0, most).ceil())
    left, right, top, bottom = (int(n) for n in torch.stack(beyond).tolist())
    return left, right, top, bottom


def _read(fine: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(fine, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


class _Read(torch.autograd.Function):
    """Reading between pixels, linear in them. PyTorch has one derivative of it, and none of that."""

    @staticmethod
    def forward(fine: Tensor, grid: Tensor) -> Tensor:
        return _read(fine, grid)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        fine, grid = inputs
        ctx.save_for_backward(grid)
        ctx.size = fine.shape

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Written.apply(grad, grid, ctx.size), None


class _Written(torch.autograd.Function):
    """The adjoint of reading between pixels."""

    @staticmethod
    def forward(grad: Tensor, grid: Tensor, size: torch.Size) -> Tensor:
        like = grad.new_empty(1).expand(size)
        kind = (0, 0, False)  # bilinear, zeros beyond, corners not aligned
        return torch.ops.aten.grid_sampler_2d_backward(grad, like, grid, *kind, (True, False))[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Read.apply(grad, grid), None, None


def _doubled(images: Tensor) -> Tensor:
    """(b, c, h, w) -> (b, c, 2h, 2w), half as bright."""
    b, c, h, w = images.shape
    taps, pad = _filter(images), len(_TAPS) // 2 - 1
    x = images.reshape(b * c, 1, h, w)
    x = F.conv_transpose2d(x, taps.reshape(1, 1, 1, -1), stride=(1, 2), padding=(0, pad))
    x = F.conv_transpose2d(x, taps.reshape(1, 1, -1, 1), stride=(2, 1), padding=(pad, 0))
    return x.reshape(b, c, 2 * h, 2 * w)


def _halved(fine: Tensor) -> Tensor:
    """(b, c, 2h + 4m, 2w + 4m) -> (b, c, h, w), twice as bright, without the margin m."""
    b, c, h, w = fine.shape
    taps, pad = _filter(fine), (len(_TAPS) - 1) // 2
    x = fine.reshape(b * c, 1, h, w)
    x = F.conv2d(x, taps.reshape(1, 1, 1, -1), stride=(1, 2), padding=(0, pad))[..., _MARGIN:-_MARGIN]
    x = F.conv2d(x, taps.reshape(1, 1, -1, 1), stride=(2, 1), padding=(pad, 0))[..., _MARGIN:-_MARGIN, :]
    return x.reshape(b, c, *x.shape[2:])


def _filter(like: Tensor) -> Tensor:
    # Filled in where it is used: numbers that are copied from the processor could not be recorded.
    return torch.cat([like.new_full((1,), tap) for tap in _TAPS])


def _scale(x: float, y: float, like: Tensor) -> Tensor:
    return matrix(((x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, 1.0)), like)


def _shift(x: float, y: float, like: Tensor) -> Tensor:
    return matrix(((1.0, 0.0, x), (0.0, 1.0, y), (0.0, 0.0, 1.0)), like)
