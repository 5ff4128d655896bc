"""Equal and nearly equal records: the same picture stored twice, brightened, recompressed or mirrored.

Every record is boiled down to a *signature*: a picture to 16 x 16 colours, a clip to 8 x 8 colours of every frame.
Two pictures are nearly equal when the root mean square difference of their signatures, one of them mirrored or not,
is at most 12 of 255 and at most half of the contrast of either, and when their detail agrees as well: at 32 x 32
colours, less the average of 5 x 5 around each, they correlate by at least 0.66. The second condition keeps small shapes
on a plain ground apart, the third X-rays and blurred photographs that are alike in their large shades alone. The search
is exhaustive: averages over blocks can only bring signatures closer, so comparing the averages first loses nothing.

How clips are compared is told in :mod:`diorama.data.clip_duplicates`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from diorama.data.workers import in_order

DISTANCE = 12.0
"""Largest root mean square difference of nearly equal signatures, of 255."""

CONTRAST_SHARE = 0.5
"""Largest difference as a share of a signature's standard deviation."""

DETAIL = 0.66
"""Smallest correlation of the detail of nearly equal pictures."""

PAIRS_AT_MOST = 1_000_000
"""Pairs of nearly equal records that are looked for; beyond, the audit says that there are more."""

PICTURE_SIDE, CLIP_SIDE = 16, 8
"""Colours to a side of a signature."""

_DETAIL_SIDE, _AROUND, _MOVED = 32, 5, 2
_BLOCK = 512
_VERIFIED_AT_ONCE = 8192
_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}
_SUMMED_IN_16_BITS = 65535 // 255


def signatures(stack: NDArray[Any]) -> NDArray[np.uint8]:
    """What records are compared by.

    Args:
        stack: (n, h, w, c) pictures or (n, t, h, w, c) clips of one shape, in stored units.

    Returns:
        (n, 1, 16, 16, 3) of pictures, (n, t, 8, 8, 3) of clips, as :func:`small_colours` gives them.
    """
    return small_colours(stack, CLIP_SIDE) if stack.ndim == 5 else small_colours(stack[:, None], PICTURE_SIDE)


def small_colours(stack: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """Averages of frames over a grid of blocks, in 8 bits.

    Args:
        stack: (n, t, h, w, c), in stored units.
        side: blocks to a side.

    Returns:
        (n, t, side, side, 3). Float records are stretched to their own range, and all but three channels averaged to
        grey.
    """
    x = _averages(stack, side)  # (n, t, side, side, c)
    x = x if x.shape[-1] == 3 else np.repeat(x.mean(-1, keepdims=True), 3, axis=-1)
    if stack.dtype.name in _FULL_SCALE:
        x *= np.float32(255.0 / _FULL_SCALE[stack.dtype.name])
    else:
        low, high = x.min((1, 2, 3, 4), keepdims=True), x.max((1, 2, 3, 4), keepdims=True)
        x = (x - low) * (np.float32(255.0) / np.maximum(high - low, np.float32(1e-12)))
    return np.rint(x).astype(np.uint8)


def _averages(stack: NDArray[Any], side: int) -> NDArray[np.float32]:
    """(n, f, side, side, c) averages of (n, f, h, w, c) over as many blocks."""
    n, f, h, w, c = stack.shape
    rows, columns = h // side, w // side
    if h % side or w % side or stack.dtype != np.uint8 or rows * columns > _SUMMED_IN_16_BITS:
        x = torch.from_numpy(np.ascontiguousarray(stack)).reshape(n * f, h, w, c).permute(0, 3, 1, 2)
        pooled = adaptive_avg_pool2d(x.to(torch.float32), side)  # (n f, c, side, side)
        return pooled.permute(0, 2, 3, 1).contiguous().numpy().reshape(n, f, side, side, c)
    # Small pictures are the many: whole strided planes are added, in integers, and nothing is turned or widened.
    down = sum((stack[:, :, i::rows] for i in range(1, rows)), stack[:, :, ::rows].astype(np.uint16))
    both = sum((down[:, :, :, i::columns] for i in range(1, columns)), down[:, :, :, ::columns])
    return both.astype(np.float32) / np.float32(rows * columns)


def equal_groups(digests: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Records of equal content: groups of two and more, each in rising order, ordered by their first.

    Args:
        digests: (n, 16).
    """
    names = np.ascontiguousarray(digests).view("V16")[:, 0]
    order = np.argsort(names, kind="stable")
    edges = np.flatnonzero(names[order][1:] != names[order][:-1]) + 1
    found = [np.sort(group) for group in np.split(order, edges) if len(group) > 1]
    return sorted(found, key=lambda group: int(group[0]))


def near_pairs(found: NDArray[np.uint8], most: int = PAIRS_AT_MOST) -> NDArray[np.intp]:
    """All pairs of nearly equal signatures.

    Args:
        found: (n, f, s, s, 3), from :func:`signatures`.
        most: the search ends once it has found more, since of n records that are all alike n² pairs are.

    Returns:
        (m, 2), the smaller number first, in rising order.
    """
    blocks = [found[i : i + _BLOCK] for i in range(0, len(found), _BLOCK)]
    pooled = np.concatenate([_pooled(block) for block in blocks])  # (n, f, s/2, s/2)
    mirrored = pooled[:, :, :, ::-1]
    bound = np.square(np.concatenate([_largest_distance(block) for block in blocks]))
    means = pooled.mean((1, 2, 3))
    order = np.argsort(means, kind="stable")
    centre = (pooled.mean(0) + mirrored.mean(0)) / 2
    left = _left_factor((pooled - centre)[order], bound[order])
    rights = [_right_factor((values - centre)[order]) for values in (pooled, mirrored)]

    def near(blocks: tuple[int, int]) -> NDArray[np.intp]:
        """The pairs of two blocks, as they are and mirrored."""
        start, stop = blocks
        verified = []
        for right, mirror in zip(rights, (False, True), strict=True):
            close = left[start : start + _BLOCK] @ right[stop : stop + _BLOCK].T <= 1.0  # 1: float32 rounding
            # NumPy's search of a flat array is many times as fast as a two-dimensional one where little is found.
            rows, columns = np.divmod(np.flatnonzero(close.numpy()), close.shape[1])
            forward = rows + start < columns + stop
            candidates = np.stack([order[rows[forward] + start], order[columns[forward] + stop]], axis=1)
            verified.append(_verified(candidates, found, bound, mirror))
        return np.concatenate(verified)

    pairs = [np.zeros((0, 2), np.intp)]
    # Blocks are small; threads that share out the blocks wait less for one another than threads within each product.
    for own in in_order(near, _close_blocks(means[order]), workers=os.cpu_count() or 1):
        pairs.append(own)
        # Every pair is met twice at most, as it is and mirrored.
        if sum(map(len, pairs)) > 2 * most:
            break
    together = np.sort(np.concatenate(pairs), axis=1)
    return np.unique(together, axis=0)


def alike_in_detail(pairs: NDArray[np.intp], pixels: Callable[[int], NDArray[Any]]) -> NDArray[np.intp]:
    """Those of some pairs of pictures whose detail agrees, as they are or mirrored, moved by up to 2 of 32 pixels.

    Args:
        pairs: (m, 2), from :func:`near_pairs`.
        pixels: gives a picture, (h, w, c).
    """

    @lru_cache(maxsize=_VERIFIED_AT_ONCE)
    def detail(number: int) -> NDArray[np.float32]:
        """(3, 32, 32)."""
        colours = small_colours(pixels(number)[None, None], _DETAIL_SIDE)[0, 0]
        planes = torch.from_numpy(colours).permute(2, 0, 1).to(torch.float32)
        around = avg_pool2d(planes, _AROUND, stride=1, padding=_AROUND // 2, count_include_pad=False)
        return (planes - around).numpy()

    kept = [pairs[:0]]
    for i in range(0, len(pairs), _BLOCK):
        part = pairs[i : i + _BLOCK]
        one, other = (np.stack([detail(int(number)) for number in part[:, side]]) for side in (0, 1))
        kept.append(part[_correlation(one, other) >= DETAIL])
    return np.concatenate(kept)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """(k,) the largest of (k, 3, s, s) planes and of others, mirrored or not and moved by a few pixels."""
    inner = slice(_MOVED, one.shape[-1] - _MOVED)
    middle = one[:, :, inner, inner]
    size, square = middle.shape[-1], np.einsum("kcyx,kcyx->k", middle, middle)
    largest = np.zeros(len(one), np.float32)
    for mirrored, down, right in product((False, True), range(2 * _MOVED + 1), range(2 * _MOVED + 1)):
        moved = (other[..., ::-1] if mirrored else other)[:, :, down : down + size, right : right + size]
        products, others = (np.einsum("kcyx,kcyx->k", first, moved) for first in (middle, moved))
        largest = np.maximum(largest, products / np.sqrt(np.maximum(square * others, np.float32(1e-12))))
    return largest


def join(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Groups of records that pairs connect, each in rising order, ordered by their first."""
    parents: dict[int, int] = {}

    def root(record: int) -> int:
        while parents.setdefault(record, record) != record:
            parents[record] = parents[parents[record]]
            record = parents[record]
        return record

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parents[second] = first
    groups: dict[int, list[int]] = {}
    for record in sorted(parents):
        groups.setdefault(root(record), []).append(record)
    return [groups[first] for first in sorted(groups)]


def _pooled(found: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, f, s/2, s/2) grey averages of 2 x 2 colours."""
    grey = found[..., 0].astype(np.uint16) + found[..., 1] + found[..., 2]  # (n, f, s, s)
    rows = grey[:, :, ::2] + grey[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]).astype(np.float32) / np.float32(12)


def _largest_distance(found: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n,) the difference up to which another signature is nearly equal to each."""
    flat = found.reshape(len(found), -1, 3)
    pixels = flat.shape[1]
    # The mean square less the square of the mean, in whole numbers, of which nothing is lost in the difference.
    squares = np.square(flat, dtype=np.uint16).sum((1, 2), dtype=np.uint64)
    of_means = np.square(flat.sum(1, dtype=np.uint64)).sum(1)
    variance = (squares * np.uint64(pixels) - of_means) / np.float64(3 * pixels**2)
    return np.minimum(DISTANCE, CONTRAST_SHARE * np.sqrt(variance)).astype(np.float32)


def _left_factor(values: NDArray[np.float32], bound: NDArray[np.float32]) -> torch.Tensor:
    """Rows whose product with those of :func:`_right_factor` is |a - b|² - d·bound(a): one product does it all."""
    flat = values.reshape(len(values), -1)
    squares = np.square(flat).sum(1) - flat.shape[1] * bound
    return torch.from_numpy(np.column_stack([-2 * flat, squares, np.ones_like(squares)]))


def _right_factor(values: NDArray[np.float32]) -> torch.Tensor:
    flat = values.reshape(len(values), -1)
    squares = np.square(flat).sum(1)
    return torch.from_numpy(np.column_stack([flat, np.ones_like(squares), squares]))


def _close_blocks(means: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs of blocks that may hold nearly equal records, by their rising means alone."""
    starts = range(0, len(means), _BLOCK)
    return [
        (start, stop)
        for start in starts
        for stop in range(start, len(means), _BLOCK)
        if means[stop] - means[min(start + _BLOCK, len(means)) - 1] <= DISTANCE
    ]


def _verified(
    candidates: NDArray[np.intp], found: NDArray[np.uint8], bound: NDArray[np.float32], mirror: bool
) -> NDArray[np.intp]:
    kept = [candidates[:0]]
    for i in range(0, len(candidates), _VERIFIED_AT_ONCE):
        part = candidates[i : i + _VERIFIED_AT_ONCE]
        one, other = (found[part[:, side]].astype(np.float32) for side in (0, 1))
        difference = np.square(one - (other[:, :, :, ::-1] if mirror else other)).mean((1, 2, 3, 4))
        kept.append(part[difference <= np.minimum(bound[part[:, 0]], bound[part[:, 1]])])
    return np.concatenate(kept)
