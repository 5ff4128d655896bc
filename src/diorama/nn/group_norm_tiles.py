"""Tiles of feature maps in a GPU's registers: what the kernels of the group normalisation share, in Triton's language.

A program looks at GROUPS groups of one sample: at all their pixels, or at a chunk of them. What it looks at is read
once and lies in registers as it came from memory, in PARTS tiles of TILE pixels; a tile is one access of 16 bytes for
each thread. Groups are WIDTH channels wide and LANES lanes, the next power of two. EVEN says that no lane and no pixel
lies beyond the end.

Shapes: a tile from memory is (TILE, GROUPS * LANES), its values in float32 are (TILE, GROUPS, LANES), those of
channels (1, GROUPS, LANES), those of groups (GROUPS,).
"""

from __future__ import annotations

import os

import triton
import triton.language as tl
from triton.language.extra import libdevice

INTERPRETED = tl.constexpr(os.environ.get("TRITON_INTERPRET") == "1")
"""Whether kernels run on a CPU, which knows no instructions of a GPU."""


@triton.jit
def sigmoid(z):
    """1 / (1 + exp(-z)), to all digits of float32 but the last two."""
    # Five instructions on a GPU; Triton's own exponential and quotient look after denormal numbers in thirteen.
    power = tl.exp(-z) if INTERPRETED else libdevice.fast_expf(z * -1.0)
    return 1.0 / (1.0 + power) if INTERPRETED else libdevice.fast_dividef(1.0, 1.0 + power)


@triton.jit
def silu(z):
    """z * sigmoid(z)."""
    power = tl.exp(-z) if INTERPRETED else libdevice.fast_expf(z * -1.0)
    return z / (1.0 + power) if INTERPRETED else libdevice.fast_dividef(z, 1.0 + power)


@triton.jit
def as_it_came(tile):
    """The same tile, behind a barrier that the compiler cannot see through.

    Kernels go through their tiles two or three times. The compiler would convert them to float32 the first time and
    keep that, which takes twice the registers, so that half as many programs would run at once.
    """
    if INTERPRETED or tile.dtype.primitive_bitwidth != 16:
        same = tile
    else:
        same = tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [tile], dtype=tile.dtype, is_pure=True, pack=2)
    return same


@triton.jit
def values(tile, GROUPS: tl.constexpr, LANES: tl.constexpr):
    """(n, GROUPS * LANES) of any type as (n, GROUPS, LANES) float32."""
    return tl.reshape(tile.to(tl.float32), [tile.shape[0], GROUPS, LANES])


@triton.jit
def of_groups(value):
    """(GROUPS,) as (1, GROUPS, 1)."""
    return value[None, :, None]


@triton.jit
def program(groups, chunks, GROUPS: tl.constexpr):
    """Sample, chunk and first group of this program: those that follow each other read what lies side by side."""
    blocks = groups // GROUPS
    i = tl.program_id(0)
    return (i // blocks // chunks).to(tl.int64), i // blocks % chunks, i % blocks * GROUPS


@triton.jit
def channels_of(group, GROUPS: tl.constexpr, WIDTH: tl.constexpr, LANES: tl.constexpr):
    """Channels of the lanes, from a group on, and which lanes have one: both (1, GROUPS * LANES)."""
    lane = tl.arange(0, GROUPS * LANES)[None, :]
    # Where no lane is left over, the compiler must see that channels follow each other: it then reads them together.
    further = lane if WIDTH == LANES else lane // LANES * WIDTH + lane % LANES
    return group * WIDTH + further, lane % LANES < WIDTH


@triton.jit
def first_pixel(x, skip, n, begin, c, split, channels, pixels, HAS_SKIP: tl.constexpr):
    """Where pixel ``begin`` of sample n lies for each channel c, and how far from there the next one is.

    The first ``split`` channels lie in x, and the others in ``skip``, where there is one.
    """
    # Of 64 bits, like n: a batch, and a single large map, may hold more values than 32 bits can count.
    pixel = n * pixels + begin
    if HAS_SKIP:
        other = channels - split
        start = tl.where(c < split, x + pixel * split + c, skip + pixel * other + (c - split))
        apart = tl.where(c < split, split, other)
    else:
        start = x + pixel * channels + c
        apart = channels
    return start, apart


@triton.jit
def load_parts(start, apart, left, real, TILE: tl.constexpr, PARTS: tl.constexpr, EVEN: tl.constexpr):
    """PARTS tiles, one behind the other, from ``start`` on: 0 beyond the ``left`` pixels that there are."""
    parts = ()
    for i in tl.static_range(PARTS):
        p = i * TILE + tl.arange(0, TILE)[:, None]
        mask = None if EVEN else (p < left) & real
        parts += (tl.load(start + p * apart, mask=mask, other=None if EVEN else 0.0),)  # type: ignore[assignment]
    return parts


@triton.jit
def store(start, apart, first, left, real, value, EVEN: tl.constexpr):
    """One of these tiles, which begins ``first`` pixels behind ``start``, back from its values."""
    TILE: tl.constexpr = value.shape[0]
    p = first + tl.arange(0, TILE)[:, None]
    tile = tl.reshape(value, [TILE, real.shape[1]]).to(start.dtype.element_ty)
    tl.store(start + p * apart, tile, mask=None if EVEN else (p < left) & real)


@triton.jit
def inside(value, first, left, WIDTH: tl.constexpr, EVEN: tl.constexpr):
    """The values of such a tile, zeros beyond the end."""
    if EVEN:
        kept = value
    else:
        p = first + tl.arange(0, value.shape[0])[:, None, None]
        lane = tl.arange(0, value.shape[2])[None, None, :]
        kept = tl.where((p < left) & (lane < WIDTH), value, 0.0)
    return kept


@triton.jit
def vector(source, place, real, GROUPS: tl.constexpr, LANES: tl.constexpr):
    """Values of channels, 0 in lanes that have none: (1, GROUPS, LANES)."""
    return values(tl.load(source + place, mask=real, other=0.0), GROUPS, LANES)


@triton.jit
def store_vector(target, place, real, value):
    """The way back of :func:`vector`."""
    tl.store(target + place, tl.reshape(value, [1, real.shape[1]]), mask=real)


@triton.jit
def offset_of(offset, n, c, channels, real, HAS_OFFSET: tl.constexpr, GROUPS: tl.constexpr, LANES: tl.constexpr):
    """The offsets of the channels; zeros where none are given."""
    value = tl.zeros([1, GROUPS, LANES], tl.float32)
    if HAS_OFFSET:
        value = vector(offset, n * channels + c, real, GROUPS, LANES)
    return value


@triton.jit
def known_moments(mean, rstd, n, group, groups, GROUPS: tl.constexpr):
    """Mean and 1/std of the program's groups: both (1, GROUPS, 1)."""
    g = n * groups + group + tl.arange(0, GROUPS)
    return of_groups(tl.load(mean + g)), of_groups(tl.load(rstd + g))
