"""Resampling by few taps, for CUDA devices.

PyTorch filters by depthwise convolutions, for which cuDNN copies half-precision features twice and pads every channel
to sixteen: in StyleGAN2's training that was two thirds of all time. Here each result is summed up from the pixels that
it is made of, read where they lie.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from diorama.nn.fir import Bend, Geometry

_TILE, _CHANNELS, _WARPS = 2048, 128, 4
"""Numbers of a tile; its channels, at most; and its groups of 32 threads."""
_SIZES = ("height", "width", "out_height", "out_width", "left", "top", "tiles")
"""Numbers that a kernel is not built anew for."""
_MOST = 2**31 - 1
"""Numbers of a picture whose places 32 bits hold; a kernel for larger ones computes with 64, which is slower."""


@triton.jit
def _first_tap(place, UP: tl.constexpr):
    """The first tap that meets a pixel, when tap 0 lies at ``place`` among pixels and the zeros between them."""
    return ((-place) % UP + UP) % UP


@triton.jit(do_not_specialize=_SIZES)
def _resample_kernel(
    x, taps, y, at, height, width, channels, out_height, out_width, left, top, tiles,
    slope, lowest, limit, UP_X: tl.constexpr, UP_Y: tl.constexpr, DOWN_X: tl.constexpr, DOWN_Y: tl.constexpr,
    TAPS_X: tl.constexpr, TAPS_Y: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr,
    BENT: tl.constexpr, SLOPED: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """A tile of results (pixels by channels) of one picture, whose channels lie side by side.

    They are ``BENT`` by a leaky ReLU and its limit, or multiplied by its slope at ``at`` (``SLOPED``). Where places in
    a picture need 64 bits it is ``WIDE``.
    """
    picture, tile = (tl.program_id(0) // tiles).to(tl.int64), tl.program_id(0) % tiles
    if WIDE:
        tile = tile.to(tl.int64)
    c = tl.program_id(1) * TILE_C + tl.arange(0, TILE_C)
    place = tile * TILE_P + tl.arange(0, TILE_P)
    at_y, at_x = (place // out_width) * DOWN_Y - top, (place % out_width) * DOWN_X - left
    first_y, first_x = _first_tap(at_y, UP_Y), _first_tap(at_x, UP_X)
    row, column = (at_y + first_y) // UP_Y, (at_x + first_x) // UP_X
    wanted, real = place < out_height * out_width, c < channels
    pixels = x + picture * height * width * channels
    total = tl.zeros([TILE_P, TILE_C], dtype=tl.float32)
    for i in range((TAPS_Y + UP_Y - 1) // UP_Y):
        tap_y, from_y = first_y + i * UP_Y, row + i
        in_row = wanted & (tap_y < TAPS_Y) & (from_y >= 0) & (from_y < height)
        for j in tl.static_range((TAPS_X + UP_X - 1) // UP_X):
            tap_x, from_x = first_x + j * UP_X, column + j
            inside = in_row & (tap_x < TAPS_X) & (from_x >= 0) & (from_x < width)
            weight = tl.load(taps + tap_y * TAPS_X + tap_x, mask=inside, other=0.0)
            source = pixels + ((from_y * width + from_x) * channels)[:, None] + c[None, :]
            value = tl.load(source, mask=inside[:, None] & real[None, :], other=0.0)
            total += weight[:, None] * value.to(tl.float32)
    target = picture * out_height * out_width * channels + (place * channels)[:, None] + c[None, :]
    stored = wanted[:, None] & real[None, :]
    if BENT:
        total = tl.where(total > 0, total, total * slope)
        total = tl.where(total > limit, limit, tl.where(total < -limit, -limit, total))
    if SLOPED:
        u = tl.load(at + target, mask=stored, other=0.0).to(tl.float32)
        total = tl.where(u > 0, total, total * slope)
        total = tl.where((u >= limit) | (u <= lowest), 0.0, total)
    tl.store(y + target, total.to(y.dtype.element_ty), mask=stored)


def filtered(x: Tensor, kernel: Tensor, geometry: Geometry, size: tuple[int, int], bend: Bend | None) -> Tensor:
    """:func:`diorama.nn.fir.resampled` with a kernel (m, n); sums are float32.

    Args:
        x: (b, c, h, w) on a CUDA device, in float32 or shorter.
        kernel: taps.
        geometry: the resampling.
        size: (h', w') of what comes out.
        bend: what follows, in the same pass.

    Returns:
        (b, c, h', w'), of the type and memory format of x.
    """
    b, c, h, w = x.shape
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    layout = torch.channels_last if last else torch.contiguous_format
    x = x.contiguous(memory_format=layout)
    y = torch.empty((b, c, *size), dtype=x.dtype, device=x.device, memory_format=layout)
    if not y.numel():
        return y
    # Where the pixels of a channel lie side by side, every channel is a picture of its own.
    pictures, channels = (b, c) if last else (b * c, 1)
    tile_c = min(triton.next_power_of_2(channels), _CHANNELS)
    tile_p = _TILE // tile_c
    tiles = triton.cdiv(size[0] * size[1], tile_p)
    left, _, top, _ = geometry.padding
    # Places are computed for all of a tile, though it may reach beyond the picture.
    most = max(h * w, size[0] * size[1] + tile_p) * channels + tile_c
    slope, lowest, limit = (1.0, 0.0, 0.0) if bend is None else (bend.slope, bend.lowest, bend.clamp)
    at = y if bend is None or bend.at is None else bend.at.contiguous(memory_format=layout)
    _resample_kernel[(pictures * tiles, triton.cdiv(channels, tile_c))](
        x, kernel.float().contiguous(), y, at, h, w, channels, *size, left, top, tiles, slope, lowest, limit,
        UP_X=geometry.up[0], UP_Y=geometry.up[1], DOWN_X=geometry.down[0], DOWN_Y=geometry.down[1],
        TAPS_X=kernel.shape[1], TAPS_Y=kernel.shape[0], TILE_P=tile_p, TILE_C=tile_c,
        BENT=bend is not None and bend.at is None, SLOPED=bend is not None and bend.at is not None,
        WIDE=most > _MOST, num_warps=_WARPS,
    )  # fmt: skip
    return y
