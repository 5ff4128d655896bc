"""Group normalisation and SiLU over channels-last memory, for CUDA devices.

PyTorch's own kernels want channels-first memory and float32, so that in a mixed-precision U-Net on an H100 they and
the copies around them take six times as long as the convolutions between them. These read and write bf16 where it
lies. Features that fit into the registers of the programs that look at them are read from memory once, both ways.
Features that a U-Net joins before it normalises them are read from where they are, so that joining them costs nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from diorama.nn import group_norm_backward as backward_kernels
from diorama.nn import group_norm_forward as forward_kernels

_ACCESS = 16
"""Bytes that a thread reads at once."""


class _Budget(NamedTuple):
    """Of a thread: accesses whose values it keeps in registers, and registers, both at most."""

    accesses: int
    registers: int


_FORWARD, _BACKWARD = _Budget(16, 128), _Budget(8, 128)
"""Backwards the gradient is kept as well."""
_SECTOR, _LINE = 32, 128
"""Bytes of the smallest and of the best access to memory: a program reads so many of each pixel."""
_FEWEST_WARPS, _WARPS, _MOST_WARPS = 4, 8, 16
"""Groups of 32 threads in a program, and in one that could not see all pixels with fewer.

With fewer threads than channels the compiler uses the layout of vectors for tiles, and shuffles data between threads.
"""
_SUMS = 4096
"""Sums of chunks that a program reads at once, at most."""


class _Shape(NamedTuple):
    batch: int
    channels: int
    pixels: int
    groups: int
    itemsize: int
    accesses: int

    @property
    def width(self) -> int:
        """Channels of a group."""
        return self.channels // self.groups

    @property
    def lanes(self) -> int:
        """Lanes of a group: their number must be a power of two."""
        return triton.next_power_of_2(self.width)

    @property
    def together(self) -> int:
        """Groups of a program: as many as fill a line, or fewer if it then sees all their pixels."""
        together, most = self._that_fill(_SECTOR), self._that_fill(_LINE)
        if self._warps_for(together) > _MOST_WARPS:
            return most
        while together < most and self._warps_for(2 * together) <= _WARPS:
            together *= 2
        return together

    @property
    def whole(self) -> bool:
        """Whether a program sees all pixels of its groups."""
        return self._warps_for(self.together) <= _MOST_WARPS

    @property
    def warps(self) -> int:
        return self._warps_for(self.together) if self.whole else _WARPS

    @property
    def tile(self) -> int:
        """Pixels of a tile."""
        return max(1, self.warps * 32 * _ACCESS // (self.together * self.lanes * self.itemsize))

    @property
    def parts(self) -> int:
        """Tiles of a program."""
        return triton.cdiv(self.pixels, self.tile) if self.whole else self.accesses

    @property
    def chunks(self) -> int:
        return triton.cdiv(self.pixels, self.tile * self.parts)

    def _that_fill(self, size: int) -> int:
        """The fewest groups whose channels of one pixel take so many bytes."""
        together = 1
        while self.groups % (2 * together) == 0 and together * self.lanes * self.itemsize < size:
            together *= 2
        return together

    def _warps_for(self, together: int) -> int:
        """Groups of threads that keep all pixels of so many groups of channels."""
        size = self.pixels * together * self.lanes * self.itemsize
        return max(_FEWEST_WARPS, triton.next_power_of_2(triton.cdiv(size, 32 * _ACCESS * self.accesses)))

    def grid(self) -> tuple[int]:
        return (self.batch * self.chunks * (self.groups // self.together),)

    def of_group(self, sums: int) -> dict[str, int]:
        """What a kernel is told that adds up the chunks of one group, each of which has so many sums."""
        return {"WIDTH": self.width, "BLOCK_K": min(triton.next_power_of_2(self.chunks), max(1, _SUMS // sums))}

    def tiling(self) -> dict[str, Any]:
        """What the other kernels are told about their tiles."""
        even = self.width == self.lanes and self.pixels == self.tile * self.parts * self.chunks
        return {
            "GROUPS": self.together,
            "WIDTH": self.width,
            "LANES": self.lanes,
            "TILE": self.tile,
            "PARTS": self.parts,
            "EVEN": even,
            "num_warps": self.warps,
        }


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
    budget: _Budget

    @property
    def shape(self) -> _Shape:
        (b, c, h, w), skip = self.x.shape, self.skip
        channels = c if skip is None else c + skip.shape[1]
        return _Shape(b, channels, h * w, self.groups, self.x.itemsize, self.budget.accesses)

    def pointers(self) -> tuple[Tensor, Tensor, Tensor]:
        """x, skip and offset; x stands for what is absent, and is not read there."""
        return self.x, self.x if self.skip is None else self.skip, self.x if self.offset is None else self.offset

    def sizes(self) -> tuple[int, ...]:
        """Channels of x, of all, pixels and groups; and the chunks of the pixels, where there are several kernels."""
        shape = self.shape
        sizes = (self.x.shape[1], shape.channels, shape.pixels, self.groups)
        return sizes if shape.whole else (*sizes, shape.chunks)

    def stride(self) -> int:
        """Between the weights of samples; 0 where all samples share them."""
        return self.shape.channels if self.weight.dim() == 2 else 0

    def options(self) -> dict[str, Any]:
        """What all kernels are told that go through the features."""
        kinds = {"HAS_SKIP": self.skip is not None, "HAS_OFFSET": self.offset is not None}
        return {**kinds, **self.shape.tiling(), "maxnreg": self.budget.registers}


class _Moments(NamedTuple):
    """Mean and 1/std of the groups: both (b, groups)."""

    mean: Tensor
    rstd: Tensor


class _Gradients(NamedTuple):
    """Of x, skip, and the offset (b, c); of weight and bias (2, b, c)."""

    x: Tensor
    skip: Tensor | None
    offset: Tensor | None
    affine: Tensor


def _forward(given: _Given) -> tuple[Tensor, _Moments]:
    shape, x = given.shape, given.x
    size = (shape.batch, shape.channels, *x.shape[2:])
    y = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    known = (shape.batch, shape.groups)
    moments = _Moments(*(torch.empty(known, dtype=torch.float32, device=x.device) for _ in range(2)))
    affine, options = (given.weight, given.bias), given.options()
    if shape.whole:
        forward_kernels.whole_forward_kernel[shape.grid()](
            *given.pointers(), *affine, y, *moments, *given.sizes(), given.stride(), given.eps, SILU=given.silu,
            **options,
        )  # fmt: skip
        return y, moments
    partial = moments.mean.new_empty((*known, shape.chunks, 2))
    forward_kernels.chunk_sums_kernel[shape.grid()](*given.pointers(), partial, *given.sizes(), **options)
    forward_kernels.chunk_moments_kernel[(shape.batch * shape.groups,)](
        partial, *moments, shape.pixels, shape.chunks, shape.tile * shape.parts, given.eps, **shape.of_group(1)
    )
    forward_kernels.chunk_apply_kernel[shape.grid()](
        *given.pointers(), *moments, *affine, y, *given.sizes(), given.stride(), SILU=given.silu, **options
    )
    return y, moments


def _backward(given: _Given, moments: _Moments, dy: Tensor) -> _Gradients:
    shape, (x, skip, offset) = given.shape, given.pointers()
    affine = moments.mean.new_empty((2, shape.batch, shape.channels))
    found = _Gradients(
        torch.empty_like(given.x),
        None if given.skip is None else torch.empty_like(given.skip),
        None if given.offset is None else torch.empty_like(affine[0]),
        affine,
    )
    known = (x, skip, dy, offset, *moments, given.weight, given.bias)
    written = (found.x, found.x if found.skip is None else found.skip)
    small = (*affine, affine if found.offset is None else found.offset)
    options = {"SILU": given.silu, **given.options()}
    if shape.whole:
        backward_kernels.whole_backward_kernel[shape.grid()](
            *known, *written, *small, *given.sizes(), given.stride(), **options
        )
        return found
    partial = affine.new_empty((shape.batch, shape.chunks, 3, shape.channels))
    means = affine.new_empty((shape.batch, shape.groups, 2))
    backward_kernels.chunk_backward_sums_kernel[shape.grid()](
        *known, partial, *given.sizes(), given.stride(), **options
    )
    backward_kernels.chunk_backward_moments_kernel[(shape.batch * shape.groups,)](
        partial, moments.rstd, given.weight, *small, means, *given.sizes()[1:], given.stride(), LANES=shape.lanes,
        HAS_OFFSET=given.offset is not None, **shape.of_group(shape.lanes),
    )  # fmt: skip
    backward_kernels.chunk_backward_apply_kernel[shape.grid()](
        *known, means, *written, *given.sizes(), given.stride(), **options
    )
    return found


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
        y, moments = _forward(_Given(x, skip, offset, weight, bias, *how, _FORWARD))
        ctx.save_for_backward(x, skip, offset, weight, bias, *moments)
        ctx.how = how
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, skip, offset, weight, bias, *moments = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        groups, eps, silu = ctx.how
        given = _Given(x, skip, offset, weight, bias, groups, eps, silu, _BACKWARD)
        found = _backward(given, _Moments(*moments), dy)
        d_weight, d_bias = found.affine if weight.dim() == 2 else found.affine.sum(1)
        d_offset = None if found.offset is None else found.offset.to(offset.dtype)
        return found.x, found.skip, d_offset, d_weight.to(weight.dtype), d_bias.to(bias.dtype), None


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
    given = _Given(x, skip, offset, weight.contiguous(), bias.contiguous(), groups, eps, silu, _FORWARD)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given[:5]):
        return _GroupNorm.apply(*given[:5], (groups, eps, silu))
    return _forward(given)[0]
