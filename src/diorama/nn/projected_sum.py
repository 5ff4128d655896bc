"""A 1x1 convolution and what its result is added to, in one pass over memory, for CUDA devices.

A library writes its product, which is read again for the sum; and where the channels that are projected lie in two
places, there are two products. Here the sum is taken in the registers in which the product ends.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

_TILE_ROWS, _TILE_OUTPUTS, _TILE_INPUTS = 128, 128, 64
_WARPS, _STAGES, _REGISTERS = 8, 3, 128
"""Groups of 32 threads in a program, tiles that are on their way at once, and registers of a thread: at most so many
that two programs fit at once."""


@triton.jit
def _product(
    total, x, weight, r, o, left, outputs, INPUTS: tl.constexpr, CHANNELS: tl.constexpr, TILE_I: tl.constexpr
):  # fmt: skip
    """total + x @ weight.T for a tile: x (left, INPUTS), and as many columns of weight (outputs, CHANNELS)."""
    for begin in range(0, INPUTS, TILE_I):
        i = begin + tl.arange(0, TILE_I)
        inside = i < INPUTS
        given = tl.load(x + r[:, None] * INPUTS + i[None, :], mask=(r < left)[:, None] & inside[None, :], other=0.0)
        matrix = weight + o[None, :] * CHANNELS + i[:, None]  # (TILE_I, TILE_O)
        total = tl.dot(given, tl.load(matrix, mask=inside[:, None] & (o < outputs)[None, :], other=0.0), total)
    return total


@triton.jit
def _projected_sum_kernel(
    x, skip, weight, h, bias, y, rows, outputs, scale, SPLIT: tl.constexpr, CHANNELS: tl.constexpr,
    TILE_R: tl.constexpr, TILE_O: tl.constexpr, TILE_I: tl.constexpr,
):  # fmt: skip
    """y = (x @ weight[:, :SPLIT].T + skip @ weight[:, SPLIT:].T + h + bias) * scale, a tile of rows by outputs."""
    # Programs that follow each other read the same rows.
    blocks = tl.cdiv(outputs, TILE_O)
    first = (tl.program_id(0) // blocks).to(tl.int64) * TILE_R
    r, left = tl.arange(0, TILE_R), rows - first
    o = tl.program_id(0) % blocks * TILE_O + tl.arange(0, TILE_O)
    total = tl.zeros([TILE_R, TILE_O], tl.float32)
    total = _product(total, x + first * SPLIT, weight, r, o, left, outputs, SPLIT, CHANNELS, TILE_I)
    if SPLIT < CHANNELS:
        OTHER: tl.constexpr = CHANNELS - SPLIT
        total = _product(total, skip + first * OTHER, weight + SPLIT, r, o, left, outputs, OTHER, CHANNELS, TILE_I)
    valid = (r < left)[:, None] & (o < outputs)[None, :]
    place = r[:, None] * outputs + o[None, :]
    total += tl.load(h + first * outputs + place, mask=valid, other=0.0).to(tl.float32)
    total += tl.load(bias + o, mask=o < outputs, other=0.0).to(tl.float32)[None, :]
    tl.store(y + first * outputs + place, (total * scale).to(y.dtype.element_ty), mask=valid)


def _sum(weight: Tensor, x: Tensor, skip: Tensor | None, h: Tensor, bias: Tensor, scale: float) -> Tensor:
    b, outputs, height, width = h.shape
    y, rows = torch.empty_like(h), b * height * width
    # Products of tiles have 16 rows and columns at least.
    tile = min(_TILE_OUTPUTS, max(16, triton.next_power_of_2(outputs)))
    inputs = min(_TILE_INPUTS, max(16, triton.next_power_of_2(x.shape[1])))
    grid = (triton.cdiv(rows, _TILE_ROWS) * triton.cdiv(outputs, tile),)
    _projected_sum_kernel[grid](
        x, x if skip is None else skip, weight, h, bias, y, rows, outputs, scale, SPLIT=x.shape[1],
        CHANNELS=weight.shape[1], TILE_R=_TILE_ROWS, TILE_O=tile, TILE_I=inputs, num_warps=_WARPS, num_stages=_STAGES,
        maxnreg=_REGISTERS,
    )  # fmt: skip
    return y


def _rows(x: Tensor) -> Tensor:
    """(b, c, h, w), channels-last, as (b h w, c)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


class _ProjectedSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, x: Tensor, skip: Tensor | None, h: Tensor, bias: Tensor, scale: float
    ) -> Tensor:
        ctx.save_for_backward(weight, x, skip)
        ctx.scale, ctx.dtype = scale, bias.dtype
        return _sum(weight, x, skip, h, bias, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        weight, x, skip = ctx.saved_tensors
        dy = dy if ctx.scale == 1 else dy * ctx.scale
        slope = _rows(dy.contiguous(memory_format=torch.channels_last))  # (b h w, outputs)
        d_bias = slope.sum(0, dtype=torch.float32).to(ctx.dtype)
        parts = [x] if skip is None else [x, skip]
        matrices = weight.split([part.shape[1] for part in parts], dim=1)
        d_weight = torch.cat([slope.T @ _rows(part) for part in parts], dim=1)
        d_parts = [
            (slope @ matrix).view(len(dy), *dy.shape[2:], -1).permute(0, 3, 1, 2)  # (b, c, h, w), channels-last
            for matrix in matrices
        ]
        return d_weight, d_parts[0], None if skip is None else d_parts[1], dy, d_bias, None


def projected_sum(
    weight: Tensor, x: Tensor, skip: Tensor | None, h: Tensor, bias: Tensor, *, scale: float = 1.0
) -> Tensor:
    """``(weight @ [x, skip] + h + bias) * scale`` for every pixel; it can be differentiated once.

    Args:
        weight: (o, c), cast to the type of ``x``.
        x: (b, c1, h, w) on a CUDA device, in half precision; the first channels, or all. What is not channels-last is
            copied first, of all maps.
        skip: (b, c - c1, h, w), the others.
        h: (b, o, h, w).
        bias: (o,).
        scale: of the sum.

    Returns:
        Like ``h``, channels-last.
    """
    x, h = (t.contiguous(memory_format=torch.channels_last) for t in (x, h))
    skip = None if skip is None else skip.contiguous(memory_format=torch.channels_last)
    weight = weight.to(x.dtype).contiguous()
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (weight, x, skip, h, bias)):
        return _ProjectedSum.apply(weight, x, skip, h, bias, scale)
    return _sum(weight, x, skip, h, bias, scale)
