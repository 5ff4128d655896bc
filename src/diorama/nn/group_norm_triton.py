"""Group normalisation and SiLU over channels-last memory, for CUDA devices.

PyTorch's own kernels want channels-first memory and float32, so that in a mixed-precision U-Net on an H100 they and
the copies around them take six times as long as the convolutions between them. These read and write bf16 where it
lies: from memory once, and again from the cache, both ways. Features that a U-Net joins before it normalises them are
read from where they are, so that joining them costs nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from diorama.nn import group_norm_kernels as kernels

_CACHED = 1 << 16
"""Bytes of one program's features that are still in the cache when they are read again, with all programs at work."""
_AT_MOST = 1 << 17
_PROGRAMS = 512
"""Programs that fill a large device."""
_LINE = 64
"""Bytes that memory hands out together."""
_TILE_CHANNELS, _TILE = 64, 4096
"""Channels of a tile at most, and its elements."""
_CHUNK = 512
"""Pixels that one program sums where it cannot see all."""
_STAGES, _WARPS = 3, 8
"""Tiles that are on their way at once, and groups of threads that work on one."""


class _Shape(NamedTuple):
    batch: int
    channels: int
    pixels: int
    groups: int
    itemsize: int

    @property
    def groups_together(self) -> int:
        """Groups of a program that sees all pixels: few enough for the cache, many enough for a line of memory."""
        width, together = self.channels // self.groups, 1
        while 2 * together * width <= _TILE_CHANNELS and self.groups % (2 * together) == 0:
            together *= 2
        line = 2 * _LINE // (width * self.itemsize)
        while together >= max(2, line) and self._bytes(together) > _CACHED:
            together //= 2
        return together

    @property
    def whole(self) -> bool:
        """Whether a program sees all pixels of its groups."""
        together = self.groups_together
        narrow = together * self.channels // self.groups <= _TILE_CHANNELS
        programs = self.batch * (self.groups // together)
        return narrow and self._bytes(together) <= _AT_MOST and programs >= _PROGRAMS

    @property
    def span(self) -> int:
        """Channels of a program."""
        return self.groups_together * (self.channels // self.groups) if self.whole else _TILE_CHANNELS

    @property
    def chunks(self) -> int:
        return triton.cdiv(self.pixels, _CHUNK)

    def _bytes(self, together: int) -> int:
        return self.pixels * together * (self.channels // self.groups) * self.itemsize

    def tiles(self) -> dict[str, int]:
        """What a kernel is told about its tiles."""
        channels = triton.next_power_of_2(self.span)
        pixels = _TILE // channels
        count = triton.cdiv(self.pixels if self.whole else min(self.pixels, _CHUNK), pixels)
        return {"TILE_C": channels, "TILE_P": pixels, "TILES": count, "STAGES": _STAGES, "num_warps": _WARPS}

    def grid(self) -> tuple[int, ...]:
        """Programs of a kernel that sees all pixels, or a chunk of them."""
        blocks = triton.cdiv(self.channels, self.span)
        return (self.batch, blocks) if self.whole else (self.batch, self.chunks, blocks)

    def reduction(self) -> dict[str, int]:
        """What the kernel is told that adds up the chunks of a group."""
        width = self.channels // self.groups
        return {"BLOCK_G": triton.next_power_of_2(width), "BLOCK_K": triton.next_power_of_2(self.chunks)}


class _Given(NamedTuple):
    """What is normalised, and how."""

    x: Tensor
    skip: Tensor | None
    offset: Tensor | None
    weight: Tensor
    bias: Tensor
    groups: int
    eps: float
    silu: bool

    @property
    def shape(self) -> _Shape:
        b, c, h, w = self.x.shape
        return _Shape(b, c + (0 if self.skip is None else self.skip.shape[1]), h * w, self.groups, self.x.itemsize)

    def pointers(self) -> tuple[Tensor, Tensor, Tensor]:
        """x, skip and offset; x stands for what is absent, and is not read there."""
        return self.x, self.x if self.skip is None else self.skip, self.x if self.offset is None else self.offset

    def kinds(self) -> dict[str, bool]:
        """What a kernel is told to leave out."""
        return {"HAS_SKIP": self.skip is not None, "HAS_OFFSET": self.offset is not None}

    def sizes(self) -> tuple[int, int, int, int]:
        """Channels of x, of all, pixels and groups."""
        return self.x.shape[1], self.shape.channels, self.shape.pixels, self.groups

    def stride(self) -> int:
        """Between the weights of samples; 0 where all samples share them."""
        return self.shape.channels if self.weight.dim() == 2 else 0


class _Moments(NamedTuple):
    """Mean and 1/std (b, groups), and the sums of u over pixels (b, c)."""

    mean: Tensor
    rstd: Tensor
    channel_sum: Tensor


def _forward(given: _Given, *, save: bool) -> tuple[Tensor, _Moments]:
    shape = given.shape
    b, _, h, w = given.x.shape
    size, device = (b, shape.channels, h, w), given.x.device
    y = torch.empty(size, dtype=given.x.dtype, device=device, memory_format=torch.channels_last)
    float32 = {"dtype": torch.float32, "device": y.device}
    saved = save or not shape.whole
    per_group = (b, shape.groups) if saved else (0,)
    mean, rstd = (torch.empty(per_group, **float32) for _ in range(2))  # type: ignore[call-overload]
    channel_sum = torch.empty((b, shape.channels) if saved else (0,), **float32)  # type: ignore[call-overload]
    moments = _Moments(mean, rstd, channel_sum)
    affine, tiles, kinds = (given.weight, given.bias), shape.tiles(), given.kinds()
    if shape.whole:
        kernels.whole_forward_kernel[shape.grid()](
            *given.pointers(), *affine, y, *moments, *given.sizes(), shape.span, given.stride(), given.eps,
            SILU=given.silu, SAVE=save, **kinds, **tiles,
        )  # fmt: skip
        return y, moments
    partial = torch.empty((b, shape.chunks, 2, shape.channels), **float32)  # type: ignore[call-overload]
    kernels.chunk_sums_kernel[shape.grid()](*given.pointers(), partial, *given.sizes(), shape.span, **kinds, **tiles)
    kernels.chunk_moments_kernel[(b, shape.groups)](
        *given.pointers(), partial, channel_sum, mean, rstd, *given.sizes(), shape.chunks, given.eps,
        **kinds, **shape.reduction(),
    )  # fmt: skip
    kernels.chunk_apply_kernel[shape.grid()](
        *given.pointers(), mean, rstd, *affine, y, *given.sizes(), shape.span, given.stride(), SILU=given.silu,
        **kinds, **tiles,
    )  # fmt: skip
    return y, moments


def _backward(given: _Given, moments: _Moments, dy: Tensor) -> tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]:
    """Gradients of x, skip, offset (b, c), weight (b, c) and bias (b, c)."""
    shape, (x, skip, offset) = given.shape, given.pointers()
    dx = torch.empty_like(given.x)
    dskip = None if given.skip is None else torch.empty_like(given.skip)
    mean, rstd, channel_sum = moments
    d_weight, d_bias, d_offset = (torch.empty_like(channel_sum) for _ in range(3))
    known = (x, skip, dy, offset, mean, rstd)
    affine, small = (given.weight, given.bias), (d_weight, d_bias, d_offset)
    written = (dx, dx if dskip is None else dskip)
    how: dict[str, Any] = {"SILU": given.silu, **given.kinds(), **shape.tiles()}
    if shape.whole:
        kernels.whole_backward_kernel[shape.grid()](
            *known, channel_sum, *affine, *written, *small, *given.sizes(), shape.span, given.stride(), **how
        )
        return dx, dskip, d_offset, d_weight, d_bias
    partial = channel_sum.new_empty((shape.batch, shape.chunks, 2, shape.channels))
    means = channel_sum.new_empty((shape.batch, shape.groups, 2))
    kernels.chunk_backward_sums_kernel[shape.grid()](
        *known, *affine, partial, *given.sizes(), shape.span, given.stride(), **how
    )
    kernels.chunk_backward_moments_kernel[(shape.batch, shape.groups)](
        partial, channel_sum, mean, rstd, given.weight, *small, means, *given.sizes()[1:], shape.chunks,
        given.stride(), **shape.reduction(),
    )  # fmt: skip
    kernels.chunk_backward_apply_kernel[shape.grid()](
        *known, *affine, means, *written, *given.sizes(), shape.span, given.stride(), **how
    )
    return dx, dskip, d_offset, d_weight, d_bias


class _GroupNorm(torch.autograd.Function):
    """See :func:`group_norm_silu`; ``how`` is groups, eps and silu."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        skip: Tensor | None,
        offset: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        how: tuple[int, float, bool],
    ) -> Tensor:
        y, moments = _forward(_Given(x, skip, offset, weight, bias, *how), save=True)
        ctx.save_for_backward(x, skip, offset, weight, bias, *moments)
        ctx.how = how
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, skip, offset, weight, bias, *moments = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        given = _Given(x, skip, offset, weight, bias, *ctx.how)
        dx, dskip, d_offset, d_weight, d_bias = _backward(given, _Moments(*moments), dy)
        if weight.dim() == 1:
            d_weight, d_bias = d_weight.sum(0), d_bias.sum(0)
        moved = None if offset is None else d_offset.to(offset.dtype)
        return dx, dskip, moved, d_weight.to(weight.dtype), d_bias.to(bias.dtype), None


def group_norm_silu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    groups: int,
    eps: float,
    silu: bool,
    offset: Tensor | None = None,
    skip: Tensor | None = None,
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
        skip: (b, c - c1, h, w) of the type of x; x then holds the first c1 channels and this the others.

    Returns:
        (b, c, h, w), of the type of ``x``, channels-last.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    skip = None if skip is None else skip.contiguous(memory_format=torch.channels_last)
    offset = None if offset is None else offset.contiguous()
    given = _Given(x, skip, offset, weight.contiguous(), bias.contiguous(), groups, eps, silu)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given[:5]):
        return _GroupNorm.apply(*given[:5], (groups, eps, silu))
    return _forward(given, save=False)[0]
