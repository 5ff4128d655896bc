"""The end of a residual block in one pass over memory, for CUDA devices.

PyTorch adds a convolution's bias in a pass of its own, and the shortcut in another.
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
def _sum_kernel(x, h, bias, y, rows, channels, scale, TILE_R: tl.constexpr, TILE_C: tl.constexpr):
    """y = (x + h + bias) * scale over a tile of rows (pixels) by channels."""
    row = tl.program_id(0).to(tl.int64) * TILE_R + tl.arange(0, TILE_R)
    c = tl.program_id(1) * TILE_C + tl.arange(0, TILE_C)
    valid = (row < rows)[:, None] & (c < channels)[None, :]
    place = row[:, None] * channels + c[None, :]
    value = tl.load(x + place, mask=valid, other=0.0).to(tl.float32)
    value += tl.load(h + place, mask=valid, other=0.0).to(tl.float32)
    value += tl.load(bias + c, mask=c < channels, other=0.0).to(tl.float32)[None, :]
    tl.store(y + place, (value * scale).to(y.dtype.element_ty), mask=valid)


def _sum(x: Tensor, h: Tensor, bias: Tensor, scale: float) -> Tensor:
    b, c, height, width = x.shape
    y, rows = torch.empty_like(x), b * height * width
    channels = min(triton.next_power_of_2(c), _TILE_CHANNELS)
    grid = (triton.cdiv(rows, _TILE // channels), triton.cdiv(c, channels))
    _sum_kernel[grid](x, h, bias, y, rows, c, scale, TILE_R=_TILE // channels, TILE_C=channels, num_warps=_WARPS)
    return y


class _ResidualSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, h: Tensor, bias: Tensor, scale: float) -> Tensor:
        ctx.scale, ctx.dtype = scale, bias.dtype
        return _sum(x, h, bias, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        dy = dy if ctx.scale == 1 else dy * ctx.scale
        return dy, dy, dy.sum((0, 2, 3), dtype=torch.float32).to(ctx.dtype), None


def residual_sum(x: Tensor, h: Tensor, bias: Tensor, *, scale: float = 1.0) -> Tensor:
    """``(x + h + bias) * scale``; it can be differentiated once.

    Args:
        x: (b, c, h, w) on a CUDA device; other than channels-last memory is copied first.
        h: like ``x``, and of its type.
        bias: (c,).
        scale: of the sum.

    Returns:
        Like ``x``, channels-last.
    """
    x, h = (t.contiguous(memory_format=torch.channels_last) for t in (x, h))
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, h, bias)):
        return _ResidualSum.apply(x, h, bias, scale)
    return _sum(x, h, bias, scale)
