"""The kernels of :mod:`diorama.nn.group_norm_triton`, in Triton's language.

Notation: ``u = x + offset`` is normalised to ``û`` over each group, ``z = û * weight + bias``, and ``y`` is ``z`` or
``silu(z)``. Where ``skip`` is given, ``x`` are the first ``split`` channels and ``skip`` the others, each channels-last
in memory of its own. Sums are taken of ``u - pivot``, where the pivot is the group's first value in its sample: so
values far from zero lose no digits.

A program looks at ``span`` channels of one sample, in tiles of pixels by channels. Either it sees all pixels of whole
groups, twice, the second time from the cache (``whole_…``); or a chunk of them, and sums pass through memory
(``chunk_…``), which is for maps too large for the cache and batches too small to fill the device.

Reference: Y. Wu, K. He, "Group normalization", arXiv:1803.08494, equations 1 to 7.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _read(x, skip, place, c, split, channels, valid, HAS_SKIP: tl.constexpr):
    """x at places (rows of pixels) and channels, 0 where not valid: (places, channels) float32."""
    if HAS_SKIP:
        here = valid & (c < split)[None, :]
        there = valid & (c >= split)[None, :]
        value = tl.load(x + place[:, None] * split + c[None, :], mask=here, other=0.0).to(tl.float32)
        rest = skip + place[:, None] * (channels - split) + (c - split)[None, :]
        value += tl.load(rest, mask=there, other=0.0).to(tl.float32)
    else:
        value = tl.load(x + place[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
    return value


@triton.jit
def _write(x, skip, place, c, split, channels, valid, value, HAS_SKIP: tl.constexpr):
    """The way back of :func:`_read`."""
    if HAS_SKIP:
        here = valid & (c < split)[None, :]
        there = valid & (c >= split)[None, :]
        tl.store(x + place[:, None] * split + c[None, :], value.to(x.dtype.element_ty), mask=here)
        rest = skip + place[:, None] * (channels - split) + (c - split)[None, :]
        tl.store(rest, value.to(skip.dtype.element_ty), mask=there)
    else:
        tl.store(x + place[:, None] * channels + c[None, :], value.to(x.dtype.element_ty), mask=valid)


@triton.jit
def _lanes(program, span, channels, TILE_C: tl.constexpr):
    """Channels of a program, and which of them there are."""
    lane = tl.arange(0, TILE_C)
    c = program * span + lane
    return c, (lane < span) & (c < channels)


@triton.jit
def _vector(source, place, inside, GIVEN: tl.constexpr, TILE_C: tl.constexpr):
    """Values of the channels in float32; zeros where none are given."""
    value = tl.zeros([TILE_C], tl.float32)
    if GIVEN:
        value = tl.load(source + place, mask=inside, other=0.0).to(tl.float32)
    return value


@triton.jit
def _pivot(x, skip, offset, n, c, inside, split, channels, pixels, groups, HAS_SKIP: tl.constexpr,
           HAS_OFFSET: tl.constexpr, TILE_C: tl.constexpr):  # fmt: skip
    """The first value of u in each channel's group."""
    lead = c - c % (channels // groups)
    value = _vector(offset, n * channels + lead, inside, HAS_OFFSET, TILE_C)
    place = n * pixels
    if HAS_SKIP:
        value += tl.load(x + place * split + lead, mask=inside & (lead < split), other=0.0).to(tl.float32)
        rest = skip + place * (channels - split) + (lead - split)
        value += tl.load(rest, mask=inside & (lead >= split), other=0.0).to(tl.float32)
    else:
        value += tl.load(x + place * channels + lead, mask=inside, other=0.0).to(tl.float32)
    return value


@triton.jit
def _by_group(values, c, inside, width):
    """For each channel the sum over the channels of its group, all of which the program has."""
    same = ((c // width)[:, None] == (c // width)[None, :]) & inside[None, :]
    return tl.sum(tl.where(same, values[None, :], 0.0), axis=1)


@triton.jit
def _slope(dy, z, SILU: tl.constexpr):
    """dL/dz."""
    if SILU:
        s = tl.sigmoid(z)
        dy = dy * s * (1.0 + z * (1.0 - s))
    return dy


@triton.jit
def _forward_sums(
    x, skip, moved, n, c, inside, split, channels, pixels, begin, TILES: tl.constexpr, TILE_P: tl.constexpr,
    TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Sums of u - pivot and of its square over tiles from pixel ``begin``; ``moved`` is offset - pivot."""
    total = tl.zeros([TILE_C], tl.float32)
    square = tl.zeros([TILE_C], tl.float32)
    for i in tl.range(0, TILES, num_stages=STAGES):
        p = begin + i * TILE_P + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & inside[None, :]
        u = _read(x, skip, n * pixels + p, c, split, channels, valid, HAS_SKIP)
        u = tl.where(valid, u + moved[None, :], 0.0)
        total += tl.sum(u, axis=0)
        square += tl.sum(u * u, axis=0)
    return total, square


@triton.jit
def _forward_apply(
    x, skip, moved, scale, b, y, n, c, inside, split, channels, pixels, begin, TILES: tl.constexpr,
    TILE_P: tl.constexpr, HAS_SKIP: tl.constexpr, SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """y over tiles from pixel ``begin``; ``moved`` is offset - mean, and ``scale`` weight / std."""
    for i in tl.range(0, TILES, num_stages=STAGES):
        p = begin + i * TILE_P + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & inside[None, :]
        u = _read(x, skip, n * pixels + p, c, split, channels, valid, HAS_SKIP)
        z = (u + moved[None, :]) * scale[None, :] + b[None, :]
        if SILU:
            z = z * tl.sigmoid(z)
        tl.store(y + (n * pixels + p)[:, None] * channels + c[None, :], z.to(y.dtype.element_ty), mask=valid)


@triton.jit
def whole_forward_kernel(
    x, skip, offset, weight, bias, y, mean, rstd, channel_sum, split, channels, pixels, groups, span, stride_n, eps,
    TILES: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr,
    SILU: tl.constexpr, SAVE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """y of some groups of one sample; with ``SAVE`` also what the way back needs."""
    n = tl.program_id(0).to(tl.int64)
    width = channels // groups
    c, inside = _lanes(tl.program_id(1), span, channels, TILE_C)
    added = _vector(offset, n * channels + c, inside, HAS_OFFSET, TILE_C)
    pivot = _pivot(x, skip, offset, n, c, inside, split, channels, pixels, groups, HAS_SKIP, HAS_OFFSET, TILE_C)
    total, square = _forward_sums(
        x, skip, added - pivot, n, c, inside, split, channels, pixels, 0, TILES, TILE_P, TILE_C, HAS_SKIP, STAGES
    )
    count = width * pixels
    above = _by_group(total, c, inside, width) / count
    variance = tl.maximum(_by_group(square, c, inside, width) / count - above * above, 0.0)
    average = above + pivot
    inverse = 1.0 / tl.sqrt(variance + eps)
    if SAVE:
        tl.store(channel_sum + n * channels + c, total + pixels * pivot, mask=inside)
        leads = inside & (c % width == 0)
        tl.store(mean + n * groups + c // width, average, mask=leads)
        tl.store(rstd + n * groups + c // width, inverse, mask=leads)
    w = _vector(weight, n * stride_n + c, inside, True, TILE_C)
    b = _vector(bias, n * stride_n + c, inside, True, TILE_C)
    _forward_apply(
        x, skip, added - average, inverse * w, b, y, n, c, inside, split, channels, pixels, 0, TILES, TILE_P, HAS_SKIP,
        SILU, STAGES,
    )  # fmt: skip


@triton.jit
def chunk_sums_kernel(
    x, skip, offset, partial, split, channels, pixels, groups, span, TILES: tl.constexpr, TILE_P: tl.constexpr,
    TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Sums of u - pivot and of its square over a chunk of pixels: partial (batch, chunks, 2, channels)."""
    n, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    c, inside = _lanes(tl.program_id(2), span, channels, TILE_C)
    added = _vector(offset, n * channels + c, inside, HAS_OFFSET, TILE_C)
    pivot = _pivot(x, skip, offset, n, c, inside, split, channels, pixels, groups, HAS_SKIP, HAS_OFFSET, TILE_C)
    total, square = _forward_sums(
        x, skip, added - pivot, n, c, inside, split, channels, pixels, chunk * TILES * TILE_P, TILES, TILE_P, TILE_C,
        HAS_SKIP, STAGES,
    )  # fmt: skip
    out = partial + (n * tl.num_programs(1) + chunk) * 2 * channels + c
    tl.store(out, total, mask=inside)
    tl.store(out + channels, square, mask=inside)


@triton.jit
def _over_chunks(partial, n, c, inside, channels, chunks, BLOCK_K: tl.constexpr):
    """Both sums of each channel, of all its chunks."""
    k = tl.arange(0, BLOCK_K)
    valid = (k < chunks)[:, None] & inside[None, :]
    place = partial + (n * chunks + k)[:, None] * 2 * channels + c[None, :]
    first = tl.sum(tl.load(place, mask=valid, other=0.0), axis=0)
    return first, tl.sum(tl.load(place + channels, mask=valid, other=0.0), axis=0)


@triton.jit
def chunk_moments_kernel(
    x, skip, offset, partial, channel_sum, mean, rstd, split, channels, pixels, groups, chunks, eps,
    BLOCK_G: tl.constexpr, BLOCK_K: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr,
):  # fmt: skip
    """Mean and 1/std of one group, and the sum of u over the pixels of each of its channels."""
    n, g = tl.program_id(0).to(tl.int64), tl.program_id(1)
    width = channels // groups
    c, inside = _lanes(g, width, channels, BLOCK_G)
    pivot = _pivot(x, skip, offset, n, c, inside, split, channels, pixels, groups, HAS_SKIP, HAS_OFFSET, BLOCK_G)
    total, square = _over_chunks(partial, n, c, inside, channels, chunks, BLOCK_K)
    tl.store(channel_sum + n * channels + c, total + pixels * pivot, mask=inside)
    above = tl.sum(total, axis=0) / (width * pixels)
    variance = tl.maximum(tl.sum(square, axis=0) / (width * pixels) - above * above, 0.0)
    # All channels of the group have one pivot; lanes beyond it have zero.
    tl.store(mean + n * groups + g, above + tl.sum(tl.where(c == g * width, pivot, 0.0), axis=0))
    tl.store(rstd + n * groups + g, 1.0 / tl.sqrt(variance + eps))


@triton.jit
def chunk_apply_kernel(
    x, skip, offset, mean, rstd, weight, bias, y, split, channels, pixels, groups, span, stride_n,
    TILES: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr,
    SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """y of a chunk of pixels."""
    n, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    c, inside = _lanes(tl.program_id(2), span, channels, TILE_C)
    g = n * groups + c // (channels // groups)
    moved = _vector(offset, n * channels + c, inside, HAS_OFFSET, TILE_C) - _vector(mean, g, inside, True, TILE_C)
    w = _vector(weight, n * stride_n + c, inside, True, TILE_C)
    b = _vector(bias, n * stride_n + c, inside, True, TILE_C)
    scale = w * _vector(rstd, g, inside, True, TILE_C)
    _forward_apply(
        x, skip, moved, scale, b, y, n, c, inside, split, channels, pixels, chunk * TILES * TILE_P, TILES, TILE_P,
        HAS_SKIP, SILU, STAGES,
    )  # fmt: skip


@triton.jit
def _backward_sums(
    x, skip, dy, moved, inverse, w, b, n, c, inside, split, channels, pixels, begin, TILES: tl.constexpr,
    TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Sums of dz and of dz·û over tiles from pixel ``begin``; ``moved`` is offset - mean."""
    total = tl.zeros([TILE_C], tl.float32)
    product = tl.zeros([TILE_C], tl.float32)
    for i in tl.range(0, TILES, num_stages=STAGES):
        p = begin + i * TILE_P + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & inside[None, :]
        u = (_read(x, skip, n * pixels + p, c, split, channels, valid, HAS_SKIP) + moved[None, :]) * inverse[None, :]
        slope = tl.load(dy + (n * pixels + p)[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
        slope = _slope(slope, u * w[None, :] + b[None, :], SILU)
        total += tl.sum(slope, axis=0)
        product += tl.sum(slope * u, axis=0)
    return total, product


@triton.jit
def _backward_apply(
    x, skip, dy, moved, inverse, w, b, first, second, dx, dskip, n, c, inside, split, channels, pixels, begin,
    TILES: tl.constexpr, TILE_P: tl.constexpr, HAS_SKIP: tl.constexpr, SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The gradient of x; ``first`` and ``second`` are the group's means of w·dz and of w·dz·û."""
    for i in tl.range(0, TILES, num_stages=STAGES):
        p = begin + i * TILE_P + tl.arange(0, TILE_P)
        valid = (p < pixels)[:, None] & inside[None, :]
        u = (_read(x, skip, n * pixels + p, c, split, channels, valid, HAS_SKIP) + moved[None, :]) * inverse[None, :]
        slope = tl.load(dy + (n * pixels + p)[:, None] * channels + c[None, :], mask=valid, other=0.0).to(tl.float32)
        slope = _slope(slope, u * w[None, :] + b[None, :], SILU)
        gradient = inverse[None, :] * (slope * w[None, :] - first[None, :] - u * second[None, :])
        _write(dx, dskip, n * pixels + p, c, split, channels, valid, gradient, HAS_SKIP)


@triton.jit
def _backward_stores(
    d_weight, d_bias, d_offset, channel_sum, total, product, w, average, inverse, first, second, place, inside, pixels
):
    """Gradients of weight, bias and offset of one sample."""
    sums = tl.load(channel_sum + place, mask=inside, other=0.0)
    normalised_sum = (sums - pixels * average) * inverse
    tl.store(d_weight + place, product, mask=inside)
    tl.store(d_bias + place, total, mask=inside)
    # The gradient of the offset is that of x, summed over the pixels.
    tl.store(d_offset + place, inverse * (w * total - pixels * first - second * normalised_sum), mask=inside)


@triton.jit
def whole_backward_kernel(
    x, skip, dy, offset, mean, rstd, channel_sum, weight, bias, dx, dskip, d_weight, d_bias, d_offset, split, channels,
    pixels, groups, span, stride_n, TILES: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr,
    HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr, SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """All gradients of some groups of one sample."""
    n = tl.program_id(0).to(tl.int64)
    width = channels // groups
    c, inside = _lanes(tl.program_id(1), span, channels, TILE_C)
    g = n * groups + c // width
    average, inverse = _vector(mean, g, inside, True, TILE_C), _vector(rstd, g, inside, True, TILE_C)
    moved = _vector(offset, n * channels + c, inside, HAS_OFFSET, TILE_C) - average
    w = _vector(weight, n * stride_n + c, inside, True, TILE_C)
    b = _vector(bias, n * stride_n + c, inside, True, TILE_C)
    total, product = _backward_sums(
        x, skip, dy, moved, inverse, w, b, n, c, inside, split, channels, pixels, 0, TILES, TILE_P, TILE_C, HAS_SKIP,
        SILU, STAGES,
    )  # fmt: skip
    first = _by_group(w * total, c, inside, width) / (width * pixels)
    second = _by_group(w * product, c, inside, width) / (width * pixels)
    _backward_stores(
        d_weight, d_bias, d_offset, channel_sum, total, product, w, average, inverse, first, second, n * channels + c,
        inside, pixels,
    )  # fmt: skip
    _backward_apply(
        x, skip, dy, moved, inverse, w, b, first, second, dx, dskip, n, c, inside, split, channels, pixels, 0, TILES,
        TILE_P, HAS_SKIP, SILU, STAGES,
    )  # fmt: skip


@triton.jit
def chunk_backward_sums_kernel(
    x, skip, dy, offset, mean, rstd, weight, bias, partial, split, channels, pixels, groups, span, stride_n,
    TILES: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr,
    SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Sums of dz and dz·û over a chunk of pixels: partial (batch, chunks, 2, channels)."""
    n, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    c, inside = _lanes(tl.program_id(2), span, channels, TILE_C)
    g = n * groups + c // (channels // groups)
    inverse = _vector(rstd, g, inside, True, TILE_C)
    moved = _vector(offset, n * channels + c, inside, HAS_OFFSET, TILE_C) - _vector(mean, g, inside, True, TILE_C)
    w = _vector(weight, n * stride_n + c, inside, True, TILE_C)
    b = _vector(bias, n * stride_n + c, inside, True, TILE_C)
    total, product = _backward_sums(
        x, skip, dy, moved, inverse, w, b, n, c, inside, split, channels, pixels, chunk * TILES * TILE_P, TILES,
        TILE_P, TILE_C, HAS_SKIP, SILU, STAGES,
    )  # fmt: skip
    out = partial + (n * tl.num_programs(1) + chunk) * 2 * channels + c
    tl.store(out, total, mask=inside)
    tl.store(out + channels, product, mask=inside)


@triton.jit
def chunk_backward_moments_kernel(
    partial, channel_sum, mean, rstd, weight, d_weight, d_bias, d_offset, means, channels, pixels, groups, chunks,
    stride_n, BLOCK_G: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Gradients of weight, bias and offset of one sample and group, and the group's means: (batch, groups, 2)."""
    n, g = tl.program_id(0).to(tl.int64), tl.program_id(1)
    width = channels // groups
    c, inside = _lanes(g, width, channels, BLOCK_G)
    total, product = _over_chunks(partial, n, c, inside, channels, chunks, BLOCK_K)
    w = _vector(weight, n * stride_n + c, inside, True, BLOCK_G)
    average, inverse = tl.load(mean + n * groups + g), tl.load(rstd + n * groups + g)
    first = tl.sum(w * total, axis=0) / (width * pixels)
    second = tl.sum(w * product, axis=0) / (width * pixels)
    _backward_stores(
        d_weight, d_bias, d_offset, channel_sum, total, product, w, average, inverse, first, second, n * channels + c,
        inside, pixels,
    )  # fmt: skip
    tl.store(means + (n * groups + g) * 2, first)
    tl.store(means + (n * groups + g) * 2 + 1, second)


@triton.jit
def chunk_backward_apply_kernel(
    x, skip, dy, offset, mean, rstd, weight, bias, means, dx, dskip, split, channels, pixels, groups, span, stride_n,
    TILES: tl.constexpr, TILE_P: tl.constexpr, TILE_C: tl.constexpr, HAS_SKIP: tl.constexpr, HAS_OFFSET: tl.constexpr,
    SILU: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The gradient of x over a chunk of pixels."""
    n, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    c, inside = _lanes(tl.program_id(2), span, channels, TILE_C)
    g = n * groups + c // (channels // groups)
    inverse = _vector(rstd, g, inside, True, TILE_C)
    moved = _vector(offset, n * channels + c, inside, HAS_OFFSET, TILE_C) - _vector(mean, g, inside, True, TILE_C)
    w = _vector(weight, n * stride_n + c, inside, True, TILE_C)
    b = _vector(bias, n * stride_n + c, inside, True, TILE_C)
    first, second = _vector(means, 2 * g, inside, True, TILE_C), _vector(means, 2 * g + 1, inside, True, TILE_C)
    _backward_apply(
        x, skip, dy, moved, inverse, w, b, first, second, dx, dskip, n, c, inside, split, channels, pixels,
        chunk * TILES * TILE_P, TILES, TILE_P, HAS_SKIP, SILU, STAGES,
    )  # fmt: skip
