"""A convolution's bias and what else is added to its result in one pass over memory, for CUDA devices.

PyTorch adds the bias in a pass of its own, four times as long as a copy, and the shortcut in another.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

_TILE, _TILE_CHANNELS, _WARPS = 4096, 256, 8


@triton.jit
def _sum_kernel(
    x, h, bias, y, rows, channels, scale, TILE_R: tl.constexpr, TILE_C: tl.constexpr, HAS_X: tl.constexpr
):  # fmt: skip
    """y = (x + h + bias) * scale over a tile of rows (pixels) by channels; x is not read without ``HAS_X``."""
    row = tl.program_id(0).to(tl.int64) * TILE_R + tl.arange(0, TILE_R)
    c = tl.program_id(1) * TILE_C + tl.arange(0, TILE_C)
    valid = (row < rows)[:, None] & (c < channels)[None, :]
    place = row[:, None] * channels + c[None, :]
    value = tl.load(h + place, mask=valid, other=0.0).to(tl.float32)
    if HAS_X:
        value += tl.load(x + place, mask=valid, other=0.0).to(tl.float32)
    value += tl.load(bias + c, mask=c < channels, other=0.0).to(tl.float32)[None, :]
    tl.store(y + place, (value * scale).to(y.dtype.element_ty), mask=valid)


def _sum(x: Tensor | None, h: Tensor, bias: Tensor, scale: float) -> Tensor:
    b, c, height, width = h.shape
    y, rows = torch.empty_like(h), b * height * width
    channels = min(triton.next_power_of_2(c), _TILE_CHANNELS)
    grid = (triton.cdiv(rows, _TILE // channels), triton.cdiv(c, channels))
    _sum_kernel[grid](
        h if x is None else x, h, bias, y, rows, c, scale, TILE_R=_TILE // channels, TILE_C=channels,
        HAS_X=x is not None, num_warps=_WARPS,
    )  # fmt: skip
    return y


class _ResidualSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor | None, h: Tensor, bias: Tensor, scale: float) -> Tensor:
        ctx.scale, ctx.dtype = scale, bias.dtype
        return _sum(x, h, bias, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        of_x, of_h, of_bias, _ = ctx.needs_input_grad
        dy = dy if ctx.scale == 1 else dy * ctx.scale
        d_bias = dy.sum((0, 2, 3), dtype=torch.float32).to(ctx.dtype) if of_bias else None
        return dy if of_x else None, dy if of_h else None, d_bias, None


def residual_sum(x: Tensor | None, h: Tensor, bias: Tensor, *, scale: float = 1.0) -> Tensor:
    """``(x + h + bias) * scale``; it can be differentiated once.

    Args:
        x: (b, c, h, w), or ``None`` for nothing.
        h: (b, c, h, w), on a CUDA device; like ``x``, it is copied first if its memory is other than channels-last.
        bias: (c,).
        scale: of the sum.

    Returns:
        (b, c, h, w), of the type of ``h``, channels-last.
    """
    h = h.contiguous(memory_format=torch.channels_last)
    x = None if x is None else x.contiguous(memory_format=torch.channels_last)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, h, bias)):
        return _ResidualSum.apply(x, h, bias, scale)
    return _sum(x, h, bias, scale)
