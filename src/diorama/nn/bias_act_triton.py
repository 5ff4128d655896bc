"""Bias, a leaky ReLU, a factor and a limit in one pass over memory, and their slope in another, for CUDA devices."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from diorama.nn.bias_act import Pieces

_TILE, _WARPS = 2048, 4


@triton.jit
def _straight_kernel(
    x, bias, y, count, channels, inner, slope, gain, limit, HAS_BIAS: tl.constexpr, LIMITED: tl.constexpr,
    TILE: tl.constexpr,
):  # fmt: skip
    """y = clamp(gain * lrelu(x + bias)); ``inner`` numbers of a channel lie side by side."""
    place = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    valid = place < count
    value = tl.load(x + place, mask=valid, other=0.0).to(tl.float32)
    if HAS_BIAS:
        value += tl.load(bias + (place // inner) % channels, mask=valid, other=0.0).to(tl.float32)
    value = tl.where(value > 0, value, value * slope) * gain
    if LIMITED:
        value = tl.where(value > limit, limit, tl.where(value < -limit, -limit, value))
    tl.store(y + place, value.to(y.dtype.element_ty), mask=valid)


@triton.jit
def _slope_kernel(grad, y, given, count, slope, gain, limit, LIMITED: tl.constexpr, TILE: tl.constexpr):
    """The gradient times the slope, which the result y tells; 0 at the limit."""
    place = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    valid = place < count
    value = tl.load(grad + place, mask=valid, other=0.0).to(tl.float32)
    result = tl.load(y + place, mask=valid, other=0.0).to(tl.float32)
    value = tl.where(result > 0, value, value * slope) * gain
    if LIMITED:
        value = tl.where((result >= limit) | (result <= -limit), 0.0, value)
    tl.store(given + place, value.to(given.dtype.element_ty), mask=valid)


def straight(x: Tensor, b: Tensor | None, pieces: Pieces) -> Tensor:
    """:func:`diorama.nn.bias_act.bias_act` of two straight pieces.

    Args:
        x: on a CUDA device, without gaps in its memory.
        b: of as many dimensions as x, all but one of them 1; ``None`` for no bias.
        pieces: the non-linearity.

    Returns:
        of the shape, type and memory format of x.
    """
    y = torch.empty_like(x)
    channels = inner = 1
    if b is not None:
        axis = max(range(b.dim()), key=b.size)
        channels, inner = b.numel(), max(1, x.stride(axis))
    _straight_kernel[(triton.cdiv(x.numel(), _TILE),)](
        x, x if b is None else b.contiguous(), y, x.numel(), channels, inner, pieces.slope, pieces.gain,
        pieces.limit(x.dtype), HAS_BIAS=b is not None, LIMITED=pieces.clamp is not None, TILE=_TILE,
        num_warps=_WARPS,
    )  # fmt: skip
    return y


def sloped(grad: Tensor, y: Tensor, pieces: Pieces) -> Tensor:
    """The gradient by the argument, where y came out; both of one layout and type."""
    given = torch.empty_like(y)
    _slope_kernel[(triton.cdiv(y.numel(), _TILE),)](
        grad, y, given, y.numel(), pieces.slope, pieces.gain, pieces.limit(y.dtype),
        LIMITED=pieces.clamp is not None, TILE=_TILE, num_warps=_WARPS,
    )  # fmt: skip
    return given
