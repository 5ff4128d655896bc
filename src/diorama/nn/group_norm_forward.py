"""Kernels of the group normalisation, forwards, in Triton's language: see :mod:`diorama.nn.group_norm_tiles`.

Notation: ``u = x + offset`` is normalised to ``û`` over each group, ``z = û * weight + bias``, and ``y`` is ``z`` or
``silu(z)``. Where ``skip`` is given, ``x`` are the first ``split`` channels and ``skip`` the others, each channels-last
in memory of its own.

Either one program sees all pixels of its groups (``whole_…``), or each sees a chunk of them, and their moments pass
through memory (``chunk_…``), which is for maps that are too large for registers.

Reference: Y. Wu, K. He, "Group normalization", arXiv:1803.08494, equations 1 to 7.
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
    silu,
    store,
    values,
    vector,
)


@triton.jit
def _moments(
    parts, added, left, WIDTH: tl.constexpr, GROUPS: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr,
    PARTS: tl.constexpr, EVEN: tl.constexpr,
):  # fmt: skip
    """Mean of u over the tiles' first ``left`` pixels, and the sum of squared distances from it: both (GROUPS,)."""
    total = tl.zeros([TILE, GROUPS, LANES], tl.float32)
    for i in tl.static_range(PARTS):
        u = values(parts[i], GROUPS, LANES) + added
        total += inside(u, i * TILE, left, WIDTH, EVEN)
    mean = tl.sum(tl.sum(total, 2), 0) / (tl.minimum(left, PARTS * TILE) * WIDTH)
    # The mean comes first: the squares of differences from it lose no digits, however far from zero it lies.
    added = added - of_groups(mean)
    total = tl.zeros([TILE, GROUPS, LANES], tl.float32)
    for i in tl.static_range(PARTS):
        u = values(as_it_came(parts[i]), GROUPS, LANES) + added
        u = inside(u, i * TILE, left, WIDTH, EVEN)
        total += u * u
    return mean, tl.sum(tl.sum(total, 2), 0)


@triton.jit
def _store_results(
    y, parts, scale, shift, n, begin, c, channels, pixels, real, GROUPS: tl.constexpr, LANES: tl.constexpr,
    TILE: tl.constexpr, PARTS: tl.constexpr, EVEN: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """y of all tiles: scaled, shifted, and perhaps activated."""
    start, apart = first_pixel(y, y, n, begin, c, channels, channels, pixels, False)
    for i in tl.static_range(PARTS):
        # Two barriers: after one, the compiler would keep the float32 copy that the variance was computed from.
        z = values(as_it_came(as_it_came(parts[i])), GROUPS, LANES) * scale + shift
        if SILU:
            z = silu(z)
        store(start, apart, i * TILE, pixels - begin, real, z, EVEN)


@triton.jit
def whole_forward_kernel(
    x, skip, offset, weight, bias, y, mean, rstd, split, channels, pixels, groups, stride_n, eps, GROUPS: tl.constexpr,
    WIDTH: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr, EVEN: tl.constexpr,
    HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """y of some groups of one sample, and their mean and 1/std: (batch, groups)."""
    n, _, group = program(groups, 1, GROUPS)
    c, real = channels_of(group, GROUPS, WIDTH, LANES)
    start, apart = first_pixel(x, skip, n, 0, c, split, channels, pixels, HAS_SKIP)
    parts = load_parts(start, apart, pixels, real, TILE, PARTS, EVEN)
    added = offset_of(offset, n, c, channels, real, HAS_OFFSET, GROUPS, LANES)
    w, b = vector(weight, n * stride_n + c, real, GROUPS, LANES), vector(bias, n * stride_n + c, real, GROUPS, LANES)
    average, squares = _moments(parts, added, pixels, WIDTH, GROUPS, LANES, TILE, PARTS, EVEN)
    inverse = 1.0 / tl.sqrt(squares / (pixels * WIDTH) + eps)
    # Kept even where no gradient is asked for: without it the compiler sums in another order, to other digits.
    g = n * groups + group + tl.arange(0, GROUPS)
    tl.store(mean + g, average)
    tl.store(rstd + g, inverse)
    scale = w * of_groups(inverse)
    shift = (added - of_groups(average)) * scale + b
    _store_results(
        y, parts, scale, shift, n, 0, c, channels, pixels, real, GROUPS, LANES, TILE, PARTS, EVEN, SILU
    )  # fmt: skip


@triton.jit
def chunk_sums_kernel(
    x, skip, offset, partial, split, channels, pixels, groups, chunks, GROUPS: tl.constexpr, WIDTH: tl.constexpr,
    LANES: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr, EVEN: tl.constexpr, HAS_SKIP: tl.constexpr,
    HAS_OFFSET: tl.constexpr,
):  # fmt: skip
    """Mean of a chunk of pixels and the sum of squared distances from it: partial (batch, groups, chunks, 2)."""
    n, chunk, group = program(groups, chunks, GROUPS)
    c, real = channels_of(group, GROUPS, WIDTH, LANES)
    begin = chunk * TILE * PARTS
    start, apart = first_pixel(x, skip, n, begin, c, split, channels, pixels, HAS_SKIP)
    parts = load_parts(start, apart, pixels - begin, real, TILE, PARTS, EVEN)
    added = offset_of(offset, n, c, channels, real, HAS_OFFSET, GROUPS, LANES)
    average, squares = _moments(parts, added, pixels - begin, WIDTH, GROUPS, LANES, TILE, PARTS, EVEN)
    out = partial + ((n * groups + group + tl.arange(0, GROUPS)) * chunks + chunk) * 2
    tl.store(out, average)
    tl.store(out + 1, squares)


@triton.jit
def chunk_moments_kernel(
    partial, mean, rstd, pixels, CHUNKS: tl.constexpr, chunk_pixels, eps, WIDTH: tl.constexpr, BLOCK_K: tl.constexpr
):
    """Mean and 1/std of one group from what is known of its chunks.

    Reference: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979.
    """
    g = tl.program_id(0).to(tl.int64)
    total = tl.zeros([BLOCK_K], tl.float32)
    for begin in range(0, CHUNKS, BLOCK_K):
        k = begin + tl.arange(0, BLOCK_K)
        average = tl.load(partial + (g * CHUNKS + k) * 2, mask=k < CHUNKS, other=0.0)
        total += _share(k, CHUNKS, pixels, chunk_pixels) * average
    middle = tl.sum(total, 0)
    total = tl.zeros([BLOCK_K], tl.float32)
    for begin in range(0, CHUNKS, BLOCK_K):
        k = begin + tl.arange(0, BLOCK_K)
        distance = tl.load(partial + (g * CHUNKS + k) * 2, mask=k < CHUNKS, other=0.0) - middle
        squares = tl.load(partial + (g * CHUNKS + k) * 2 + 1, mask=k < CHUNKS, other=0.0)
        total += squares / (WIDTH * pixels) + _share(k, CHUNKS, pixels, chunk_pixels) * distance * distance
    tl.store(mean + g, middle)
    tl.store(rstd + g, 1.0 / tl.sqrt(tl.sum(total, 0) + eps))


@triton.jit
def _share(k, chunks, pixels, chunk_pixels):
    """Of all pixels, those that lie in chunk k: all but the last are full, and what is no chunk has none."""
    return tl.where(k < chunks, tl.minimum(pixels - k * chunk_pixels, chunk_pixels), 0).to(tl.float32) / pixels


@triton.jit
def chunk_apply_kernel(
    x, skip, offset, mean, rstd, weight, bias, y, split, channels, pixels, groups, chunks, stride_n,
    GROUPS: tl.constexpr, WIDTH: tl.constexpr, LANES: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr,
    EVEN: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """y of a chunk of pixels."""
    n, chunk, group = program(groups, chunks, GROUPS)
    c, real = channels_of(group, GROUPS, WIDTH, LANES)
    begin = chunk * TILE * PARTS
    start, apart = first_pixel(x, skip, n, begin, c, split, channels, pixels, HAS_SKIP)
    parts = load_parts(start, apart, pixels - begin, real, TILE, PARTS, EVEN)
    average, inverse = known_moments(mean, rstd, n, group, groups, GROUPS)
    added = offset_of(offset, n, c, channels, real, HAS_OFFSET, GROUPS, LANES)
    w, b = vector(weight, n * stride_n + c, real, GROUPS, LANES), vector(bias, n * stride_n + c, real, GROUPS, LANES)
    scale = w * inverse
    shift = (added - average) * scale + b
    _store_results(
        y, parts, scale, shift, n, begin, c, channels, pixels, real, GROUPS, LANES, TILE, PARTS, EVEN, SILU
    )  # fmt: skip
