"""Group normalisation and SiLU in two passes over channels-last memory, for CUDA devices.

PyTorch's own kernels want channels-first memory and float32, so that in a mixed-precision U-Net on an H100 they and
the copies around them take six times as long as the convolutions between them. These kernels read and write bf16
where it lies: a pass for the sums, a pass for the result, both ways.

Notation: ``u = x + offset`` is normalised to ``û`` over each group, ``z = û * weight + bias``, and ``y`` is ``z`` or
``silu(z)``.

Reference: Y. Wu, K. He, "Group normalization", arXiv:1803.08494, equations 1 to 7.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

_PIXELS, _CHANNELS, _CHUNK = 64, 64, 512
"""Tile of one load (pixels by channels), and pixels that one program sums."""


@triton.jit
def _smallest_kernel(x):
    tl.store(x, 1.0)


def build_smallest() -> None:
    """Build and run a kernel of one instruction: raises where Triton finds no compiler, or no device that it knows."""
    _smallest_kernel[(1,)](torch.empty(1, device="cuda"))


class _Shape(NamedTuple):
    batch: int
    channels: int
    pixels: int
    groups: int

    @property
    def chunks(self) -> int:
        return triton.cdiv(self.pixels, _CHUNK)

    @property
    def tiles(self) -> tuple[int, int, int]:
        return (self.batch, self.chunks, triton.cdiv(self.channels, _CHANNELS))

    @property
    def group_block(self) -> int:
        return triton.next_power_of_2(self.channels // self.groups)

    @property
    def chunk_block(self) -> int:
        return triton.next_power_of_2(self.chunks)


@triton.jit
def _sums_kernel(
    x, offset, partial, channels, pixels, CHUNK: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr,
    HAS_OFFSET: tl.constexpr,
):  # fmt: skip
    """Sums of u and u² over a chunk of pixels: partial (batch, chunks, 2, channels)."""
    n = tl.program_id(0).to(tl.int64)
    chunk = tl.program_id(1)
    c = tl.program_id(2) * TILE_C + tl.arange(0, TILE_C)
    valid_c = c < channels
    total = tl.zeros([TILE_C], tl.float32)
    square = tl.zeros([TILE_C], tl.float32)
    added = tl.zeros([TILE_C], tl.float32)
    if HAS_OFFSET:
        added = tl.load(offset + n * channels + c, mask=valid_c, other=0.0).to(tl.float32)
    for start in range(0, CHUNK, TILE_P):
        p = chunk * CHUNK + start + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & valid_c[None, :]
        u = tl.load(x + (n * pixels + p)[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
        u = tl.where(valid, u + added[None, :], 0.0)
        total += tl.sum(u, axis=0)
        square += tl.sum(u * u, axis=0)
    out = partial + (n * tl.num_programs(1) + chunk) * 2 * channels + c
    tl.store(out, total, mask=valid_c)
    tl.store(out + channels, square, mask=valid_c)


@triton.jit
def _moments_kernel(
    partial, channel_sum, mean, rstd, channels, pixels, groups, chunks, eps, BLOCK_G: tl.constexpr,
    BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Mean and 1/std of each group, and the sum of u over the pixels of each channel."""
    n = tl.program_id(0).to(tl.int64)
    g = tl.program_id(1)
    width = channels // groups
    i = tl.arange(0, BLOCK_G)
    k = tl.arange(0, BLOCK_K)
    c = g * width + i
    valid = (k < chunks)[:, None] & (i < width)[None, :]
    place = partial + (n * chunks + k)[:, None] * 2 * channels + c[None, :]
    by_channel = tl.sum(tl.load(place, mask=valid, other=0.0), axis=0)
    squares = tl.sum(tl.sum(tl.load(place + channels, mask=valid, other=0.0), axis=0), axis=0)
    count = width * pixels
    average = tl.sum(by_channel, axis=0) / count
    variance = tl.maximum(squares / count - average * average, 0.0)
    tl.store(channel_sum + n * channels + c, by_channel, mask=i < width)
    tl.store(mean + n * groups + g, average)
    tl.store(rstd + n * groups + g, 1.0 / tl.sqrt(variance + eps))


@triton.jit
def _normalised(x, offset, mean, rstd, n, p, c, valid, channels, pixels, groups, HAS_OFFSET: tl.constexpr):
    """û of a tile, and 1/std of the channels' groups."""
    u = tl.load(x + (n * pixels + p)[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
    valid_c = c < channels
    if HAS_OFFSET:
        u += tl.load(offset + n * channels + c, mask=valid_c, other=0.0).to(tl.float32)[None, :]
    g = c // (channels // groups)
    inverse = tl.load(rstd + n * groups + g, mask=valid_c, other=0.0)
    average = tl.load(mean + n * groups + g, mask=valid_c, other=0.0)
    return (u - average[None, :]) * inverse[None, :], inverse


@triton.jit
def _apply_kernel(
    x, offset, mean, rstd, weight, bias, y, channels, pixels, groups, stride_n, CHUNK: tl.constexpr,
    TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """y of a chunk of pixels."""
    n = tl.program_id(0).to(tl.int64)
    chunk = tl.program_id(1)
    c = tl.program_id(2) * TILE_C + tl.arange(0, TILE_C)
    w = tl.load(weight + n * stride_n + c, mask=c < channels, other=0.0).to(tl.float32)
    b = tl.load(bias + n * stride_n + c, mask=c < channels, other=0.0).to(tl.float32)
    for start in range(0, CHUNK, TILE_P):
        p = chunk * CHUNK + start + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & (c < channels)[None, :]
        u, _ = _normalised(x, offset, mean, rstd, n, p, c, valid, channels, pixels, groups, HAS_OFFSET)
        z = u * w[None, :] + b[None, :]
        if SILU:
            z = z * tl.sigmoid(z)
        tl.store(y + (n * pixels + p)[:, None] * channels + c[None, :], z.to(y.dtype.element_ty), mask=valid)


@triton.jit
def _slope(dy, z, SILU: tl.constexpr):
    """dL/dz."""
    if SILU:
        s = tl.sigmoid(z)
        dy = dy * s * (1.0 + z * (1.0 - s))
    return dy


@triton.jit
def _backward_sums_kernel(
    x, dy, offset, mean, rstd, weight, bias, partial, channels, pixels, groups, stride_n, CHUNK: tl.constexpr,
    TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """Sums of dz and dz·û over a chunk of pixels: partial (batch, chunks, 2, channels)."""
    n = tl.program_id(0).to(tl.int64)
    chunk = tl.program_id(1)
    c = tl.program_id(2) * TILE_C + tl.arange(0, TILE_C)
    w = tl.load(weight + n * stride_n + c, mask=c < channels, other=0.0).to(tl.float32)
    b = tl.load(bias + n * stride_n + c, mask=c < channels, other=0.0).to(tl.float32)
    total = tl.zeros([TILE_C], tl.float32)
    product = tl.zeros([TILE_C], tl.float32)
    for start in range(0, CHUNK, TILE_P):
        p = chunk * CHUNK + start + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & (c < channels)[None, :]
        u, _ = _normalised(x, offset, mean, rstd, n, p, c, valid, channels, pixels, groups, HAS_OFFSET)
        slope = tl.load(dy + (n * pixels + p)[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
        slope = _slope(slope, u * w[None, :] + b[None, :], SILU)
        total += tl.sum(slope, axis=0)
        product += tl.sum(slope * u, axis=0)
    out = partial + (n * tl.num_programs(1) + chunk) * 2 * channels + c
    tl.store(out, total, mask=c < channels)
    tl.store(out + channels, product, mask=c < channels)


@triton.jit
def _backward_moments_kernel(
    partial, channel_sum, mean, rstd, weight, d_weight, d_bias, d_offset, means, channels, pixels, groups, chunks,
    stride_n, BLOCK_G: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Gradients of weight, bias and offset of each sample, and the group means that the gradient of x needs."""
    n = tl.program_id(0).to(tl.int64)
    g = tl.program_id(1)
    width = channels // groups
    i = tl.arange(0, BLOCK_G)
    k = tl.arange(0, BLOCK_K)
    c = g * width + i
    valid_c = i < width
    valid = (k < chunks)[:, None] & valid_c[None, :]
    place = partial + (n * chunks + k)[:, None] * 2 * channels + c[None, :]
    total = tl.sum(tl.load(place, mask=valid, other=0.0), axis=0)
    product = tl.sum(tl.load(place + channels, mask=valid, other=0.0), axis=0)
    w = tl.load(weight + n * stride_n + c, mask=valid_c, other=0.0).to(tl.float32)
    count = width * pixels
    first = tl.sum(w * total, axis=0) / count
    second = tl.sum(w * product, axis=0) / count
    inverse = tl.load(rstd + n * groups + g)
    sums = tl.load(channel_sum + n * channels + c, mask=valid_c, other=0.0)
    normalised_sum = (sums - pixels * tl.load(mean + n * groups + g)) * inverse
    tl.store(d_weight + n * channels + c, product, mask=valid_c)
    tl.store(d_bias + n * channels + c, total, mask=valid_c)
    # The gradient of the offset is that of x, summed over the pixels.
    gradient = inverse * (w * total - pixels * first - second * normalised_sum)
    tl.store(d_offset + n * channels + c, gradient, mask=valid_c)
    tl.store(means + (n * groups + g) * 2, first)
    tl.store(means + (n * groups + g) * 2 + 1, second)


@triton.jit
def _backward_apply_kernel(
    x, dy, offset, mean, rstd, weight, bias, means, dx, channels, pixels, groups, stride_n, CHUNK: tl.constexpr,
    TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """The gradient of x over a chunk of pixels."""
    n = tl.program_id(0).to(tl.int64)
    chunk = tl.program_id(1)
    c = tl.program_id(2) * TILE_C + tl.arange(0, TILE_C)
    valid_c = c < channels
    w = tl.load(weight + n * stride_n + c, mask=valid_c, other=0.0).to(tl.float32)
    b = tl.load(bias + n * stride_n + c, mask=valid_c, other=0.0).to(tl.float32)
    place = means + (n * groups + c // (channels // groups)) * 2
    first = tl.load(place, mask=valid_c, other=0.0)
    second = tl.load(place + 1, mask=valid_c, other=0.0)
    for start in range(0, CHUNK, TILE_P):
        p = chunk * CHUNK + start + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & valid_c[None, :]
        u, inverse = _normalised(x, offset, mean, rstd, n, p, c, valid, channels, pixels, groups, HAS_OFFSET)
        slope = tl.load(dy + (n * pixels + p)[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
        slope = _slope(slope, u * w[None, :] + b[None, :], SILU)
        gradient = inverse[None, :] * (slope * w[None, :] - first[None, :] - u * second[None, :])
        tl.store(dx + (n * pixels + p)[:, None] * channels + c[None, :], gradient.to(dx.dtype.element_ty), mask=valid)


class _GroupNorm(torch.autograd.Function):
    """x (b, c, h, w) channels-last, offset (b, c) or None, weight and bias (c,) or (b, c) -> y like x."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, offset: Tensor | None, weight: Tensor, bias: Tensor, how: tuple[int, float, bool]
    ) -> Tensor:
        groups, eps, silu = how
        shape = _Shape(x.shape[0], x.shape[1], x.shape[2] * x.shape[3], groups)
        per_group = (shape.batch, groups)
        partial = x.new_empty((shape.batch, shape.chunks, 2, shape.channels), dtype=torch.float32)
        channel_sum = x.new_empty((shape.batch, shape.channels), dtype=torch.float32)
        mean, rstd = (x.new_empty(per_group, dtype=torch.float32) for _ in range(2))
        tile = {"CHUNK": _CHUNK, "TILE_P": _PIXELS, "TILE_C": _CHANNELS, "HAS_OFFSET": offset is not None}
        shift = x if offset is None else offset
        size = (shape.channels, shape.pixels)
        _sums_kernel[shape.tiles](x, shift, partial, *size, **tile)
        _moments_kernel[per_group](
            partial, channel_sum, mean, rstd, *size, groups, shape.chunks, eps,
            BLOCK_G=shape.group_block, BLOCK_K=shape.chunk_block,
        )  # fmt: skip
        y = torch.empty_like(x)
        stride = shape.channels if weight.dim() == 2 else 0
        _apply_kernel[shape.tiles](x, shift, mean, rstd, weight, bias, y, *size, groups, stride, SILU=silu, **tile)
        ctx.save_for_backward(x, offset, weight, bias, mean, rstd, channel_sum)
        ctx.how, ctx.shape = how, shape
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, offset, weight, bias, mean, rstd, channel_sum = ctx.saved_tensors
        groups, _, silu = ctx.how
        shape: _Shape = ctx.shape
        dy = dy.contiguous(memory_format=torch.channels_last)
        partial = x.new_empty((shape.batch, shape.chunks, 2, shape.channels), dtype=torch.float32)
        d_weight, d_bias, d_offset = (torch.empty_like(channel_sum) for _ in range(3))
        means = x.new_empty((shape.batch, groups, 2), dtype=torch.float32)
        tile = {"CHUNK": _CHUNK, "TILE_P": _PIXELS, "TILE_C": _CHANNELS, "HAS_OFFSET": offset is not None}
        shift = x if offset is None else offset
        size, stride = (shape.channels, shape.pixels), shape.channels if weight.dim() == 2 else 0
        known = (x, dy, shift, mean, rstd, weight, bias)
        _backward_sums_kernel[shape.tiles](*known, partial, *size, groups, stride, SILU=silu, **tile)
        _backward_moments_kernel[(shape.batch, groups)](
            partial, channel_sum, mean, rstd, weight, d_weight, d_bias, d_offset, means, *size, groups, shape.chunks,
            stride, BLOCK_G=shape.group_block, BLOCK_K=shape.chunk_block,
        )  # fmt: skip
        dx = torch.empty_like(x)
        _backward_apply_kernel[shape.tiles](*known, means, dx, *size, groups, stride, SILU=silu, **tile)
        if weight.dim() == 1:
            d_weight, d_bias = d_weight.sum(0), d_bias.sum(0)
        moved = None if offset is None else d_offset.to(offset.dtype)
        return dx, moved, d_weight.to(weight.dtype), d_bias.to(bias.dtype), None


def group_norm_silu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    groups: int,
    eps: float,
    silu: bool,
    offset: Tensor | None = None,
) -> Tensor:
    """Normalise ``x + offset`` over groups of channels, scale and shift it, and perhaps activate it.

    It can be differentiated once.

    Args:
        x: (b, c, h, w) on a CUDA device, any floating type; other than channels-last memory is copied first.
        weight: (c,), or (b, c) where it differs from sample to sample.
        bias: like ``weight``.
        groups: divides c.
        eps: added to the variance.
        silu: apply x * sigmoid(x) at the end.
        offset: (b, c), added to every pixel first.

    Returns:
        (b, c, h, w), of the type of ``x``, channels-last.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    offset = None if offset is None else offset.contiguous()
    return _GroupNorm.apply(x, offset, weight.contiguous(), bias.contiguous(), (groups, eps, silu))
