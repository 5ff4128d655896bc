"""Kernels of the group normalisation, backwards, in Triton's language: see :mod:`diorama.nn.group_norm_forward`.

With the notation from there, over the m values of a group,

    dL/du = (w·dz - mean(w·dz) - û·mean(w·dz·û)) / std,

where dz is dL/dz; weight and bias get the sums of dz·û and dz over pixels, and the offset that of dL/du.
"""

from __future__ import annotations

import triton
import triton.language as tl

from diorama.nn.group_norm_tiles import (
    as_it_came,
    channels_of,
    first_pixel,
    inside,
    known_moments,
    load_parts,
    of_groups,
    offset_of,
    program,
    sigmoid,
    store,
    store_vector,
    values,
    vector,
)


@triton.jit
def _normalised_and_slope(
    tile, dy, inverse, shift, w, b, GROUPS: tl.constexpr, LANES: tl.constexpr, SILU: tl.constexpr
):
    """û and dz of a tile; ``shift`` is what (offset - mean) / std comes to."""
    u = values(tile, GROUPS, LANES) * inverse + shift
    dz = values(dy, GROUPS, LANES)
    if SILU:
        z = u * w + b
        s = sigmoid(z)
        dz = dz * (s * (1.0 + z * (1.0 - s)))
    return u, dz


@triton.jit
def _sums(
    parts, slopes, inverse, shift, w, b, left, WIDTH: tl.constexpr, GROUPS: tl.constexpr, LANES: tl.constexpr,
    TILE: tl.constexpr, PARTS: tl.constexpr, EVEN: tl.constexpr, SILU: tl.constexpr, HAS_OFFSET: tl.constexpr,
):  # fmt: skip
    """Sums over pixels of dz, of dz·û, and of û where the offset needs that: each (GROUPS, LANES)."""
    total = tl.zeros([TILE, GROUPS, LANES], tl.float32)
    product = tl.zeros([TILE, GROUPS, LANES], tl.float32)
    normalised = tl.zeros([TILE, GROUPS, LANES], tl.float32)
    for i in tl.static_range(PARTS):
        u, dz = _normalised_and_slope(parts[i], slopes[i], inverse, shift, w, b, GROUPS, LANES, SILU)
        # Beyond the end dy is 0, and so is dz.
        total += dz
        product += dz * u
        if HAS_OFFSET:
            normalised += inside(u, i * TILE, left, WIDTH, EVEN)
    return tl.sum(total, 0), tl.sum(product, 0), tl.sum(normalised, 0)


@triton.jit
def _store_small(
    d_weight, d_bias, d_offset, place, real, total, product, normalised, first, second, w, inverse, pixels,
    HAS_OFFSET: tl.constexpr,
):  # fmt: skip
    """Gradients of weight, bias and offset of one sample; all values (GROUPS, LANES) or broadcast to that."""
    store_vector(d_weight, place, real, product)
    store_vector(d_bias, place, real, total)
    if HAS_OFFSET:
        # What the gradient of u comes to, summed over the pixels.
        store_vector(d_offset, place, real, inverse * (w * total - pixels * first - second * normalised))


@triton.jit
def _store_gradients(
    dx, dskip, parts, slopes, inverse, shift, w, b, first, second, n, begin, c, split, channels, pixels, real,
    GROUPS: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr, EVEN: tl.constexpr,
    HAS_SKIP: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """The gradient of x (and skip); ``first`` and ``second`` are the group's means of w·dz and of w·dz·û."""
    start, apart = first_pixel(dx, dskip, n, begin, c, split, channels, pixels, HAS_SKIP)
    for i in tl.static_range(PARTS):
        tile, dy = as_it_came(parts[i]), as_it_came(slopes[i])
        u, dz = _normalised_and_slope(tile, dy, inverse, shift, w, b, GROUPS, LANES, SILU)
        gradient = dz * (w * inverse) - (u * (second * inverse) + first * inverse)
        store(start, apart, i * TILE, pixels - begin, real, gradient, EVEN)


@triton.jit
def whole_backward_kernel(
    x, skip, dy, offset, mean, rstd, weight, bias, dx, dskip, d_weight, d_bias, d_offset, split, channels, pixels,
    groups, stride_n, GROUPS: tl.constexpr, WIDTH: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr,
    PARTS: tl.constexpr, EVEN: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """All gradients of some groups of one sample."""
    n, _, group = program(groups, 1, GROUPS)
    c, real = channels_of(group, GROUPS, WIDTH, LANES)
    start, apart = first_pixel(x, skip, n, 0, c, split, channels, pixels, HAS_SKIP)
    parts = load_parts(start, apart, pixels, real, TILE, PARTS, EVEN)
    start, apart = first_pixel(dy, dy, n, 0, c, channels, channels, pixels, False)
    slopes = load_parts(start, apart, pixels, real, TILE, PARTS, EVEN)
    average, inverse = known_moments(mean, rstd, n, group, groups, GROUPS)
    w, b = vector(weight, n * stride_n + c, real, GROUPS, LANES), vector(bias, n * stride_n + c, real, GROUPS, LANES)
    shift = (offset_of(offset, n, c, channels, real, HAS_OFFSET, GROUPS, LANES) - average) * inverse
    total, product, normalised = _sums(
        parts, slopes, inverse, shift, w, b, pixels, WIDTH, GROUPS, LANES, TILE, PARTS, EVEN, SILU, HAS_OFFSET
    )  # fmt: skip
    total, product, normalised = total[None, :, :], product[None, :, :], normalised[None, :, :]
    first = tl.sum(w * total, 2)[:, :, None] / (WIDTH * pixels)
    second = tl.sum(w * product, 2)[:, :, None] / (WIDTH * pixels)
    _store_small(
        d_weight, d_bias, d_offset, n * channels + c, real, total, product, normalised, first, second, w, inverse,
        pixels, HAS_OFFSET,
    )  # fmt: skip
    _store_gradients(
        dx, dskip, parts, slopes, inverse, shift, w, b, first, second, n, 0, c, split, channels, pixels, real, GROUPS,
        LANES, TILE, PARTS, EVEN, HAS_SKIP, SILU,
    )  # fmt: skip


@triton.jit
def chunk_backward_sums_kernel(
    x, skip, dy, offset, mean, rstd, weight, bias, partial, split, channels, pixels, groups, chunks, stride_n,
    GROUPS: tl.constexpr, WIDTH: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr,
    EVEN: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """Sums of dz, of dz·û and of û over a chunk of pixels: partial (batch, chunks, 3, channels)."""
    n, chunk, group = program(groups, chunks, GROUPS)
    c, real = channels_of(group, GROUPS, WIDTH, LANES)
    begin = chunk * TILE * PARTS
    start, apart = first_pixel(x, skip, n, begin, c, split, channels, pixels, HAS_SKIP)
    parts = load_parts(start, apart, pixels - begin, real, TILE, PARTS, EVEN)
    start, apart = first_pixel(dy, dy, n, begin, c, channels, channels, pixels, False)
    slopes = load_parts(start, apart, pixels - begin, real, TILE, PARTS, EVEN)
    average, inverse = known_moments(mean, rstd, n, group, groups, GROUPS)
    w, b = vector(weight, n * stride_n + c, real, GROUPS, LANES), vector(bias, n * stride_n + c, real, GROUPS, LANES)
    shift = (offset_of(offset, n, c, channels, real, HAS_OFFSET, GROUPS, LANES) - average) * inverse
    total, product, normalised = _sums(
        parts, slopes, inverse, shift, w, b, pixels - begin, WIDTH, GROUPS, LANES, TILE, PARTS, EVEN, SILU, HAS_OFFSET
    )  # fmt: skip
    place = (n * chunks + chunk) * 3 * channels + c
    store_vector(partial, place, real, total)
    store_vector(partial, place + channels, real, product)
    store_vector(partial, place + 2 * channels, real, normalised)


@triton.jit
def chunk_backward_moments_kernel(
    partial, rstd, weight, d_weight, d_bias, d_offset, means, channels, pixels, groups, CHUNKS: tl.constexpr,
    stride_n, WIDTH: tl.constexpr, LANES: tl.constexpr, BLOCK_K: tl.constexpr, HAS_OFFSET: tl.constexpr,
):  # fmt: skip
    """Small gradients of one sample and group, and the group's means of w·dz and w·dz·û: means (batch, groups, 2)."""
    n, _, group = program(groups, 1, 1)
    c, real = channels_of(group, 1, WIDTH, LANES)
    total = tl.zeros([1, LANES], tl.float32)
    product = tl.zeros([1, LANES], tl.float32)
    normalised = tl.zeros([1, LANES], tl.float32)
    for begin in range(0, CHUNKS, BLOCK_K):
        k = begin + tl.arange(0, BLOCK_K)[:, None]
        valid = (k < CHUNKS) & real
        place = partial + (n * CHUNKS + k) * 3 * channels + c
        total += tl.sum(tl.load(place, mask=valid, other=0.0), 0)[None, :]
        product += tl.sum(tl.load(place + channels, mask=valid, other=0.0), 0)[None, :]
        normalised += tl.sum(tl.load(place + 2 * channels, mask=valid, other=0.0), 0)[None, :]
    w = tl.load(weight + n * stride_n + c, mask=real, other=0.0).to(tl.float32)
    inverse = tl.load(rstd + n * groups + group)
    first, second = tl.sum(w * total) / (WIDTH * pixels), tl.sum(w * product) / (WIDTH * pixels)
    _store_small(
        d_weight, d_bias, d_offset, n * channels + c, real, total, product, normalised, first, second, w, inverse,
        pixels, HAS_OFFSET,
    )  # fmt: skip
    tl.store(means + (n * groups + group) * 2, first)
    tl.store(means + (n * groups + group) * 2 + 1, second)


@triton.jit
def chunk_backward_apply_kernel(
    x, skip, dy, offset, mean, rstd, weight, bias, means, dx, dskip, split, channels, pixels, groups, chunks, stride_n,
    GROUPS: tl.constexpr, WIDTH: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr,
    EVEN: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """The gradient of x (and skip) over a chunk of pixels."""
    n, chunk, group = program(groups, chunks, GROUPS)
    c, real = channels_of(group, GROUPS, WIDTH, LANES)
    begin = chunk * TILE * PARTS
    start, apart = first_pixel(x, skip, n, begin, c, split, channels, pixels, HAS_SKIP)
    parts = load_parts(start, apart, pixels - begin, real, TILE, PARTS, EVEN)
    start, apart = first_pixel(dy, dy, n, begin, c, channels, channels, pixels, False)
    slopes = load_parts(start, apart, pixels - begin, real, TILE, PARTS, EVEN)
    average, inverse = known_moments(mean, rstd, n, group, groups, GROUPS)
    w, b = vector(weight, n * stride_n + c, real, GROUPS, LANES), vector(bias, n * stride_n + c, real, GROUPS, LANES)
    shift = (offset_of(offset, n, c, channels, real, HAS_OFFSET, GROUPS, LANES) - average) * inverse
    g = (n * groups + group + tl.arange(0, GROUPS)) * 2
    first, second = of_groups(tl.load(means + g)), of_groups(tl.load(means + g + 1))
    _store_gradients(
        dx, dskip, parts, slopes, inverse, shift, w, b, first, second, n, begin, c, split, channels, pixels, real,
        GROUPS, LANES, TILE, PARTS, EVEN, HAS_SKIP, SILU,
    )  # fmt: skip
