"""Outlines of regions: polygons and run lengths, cut and drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST_SHIFT = 60


def unpacked_counts(text: str) -> list[int]:
    """Run lengths out of the text that COCO's tools pack them into.

    Five bits a letter, the lowest first, a sixth says that more follow; from the fourth on, a length is written as
    its difference from the one before the last.

    Raises:
        ValueError: the text is no such packing.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text.encode("ascii"):
        bits = letter - 48
        if not 0 <= bits < 64 or shift > _LONGEST_SHIFT:
            raise ValueError("its packed run lengths are broken")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (1 << shift) if bits & 16 else 0
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("its packed run lengths end in the middle")
    return counts


def mask_of_runs(counts: Sequence[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask that run lengths describe: outside and inside in turn, column after column.

    Args:
        counts: that add up to height times width.
        size: height and width.

    Returns:
        (h, w), true inside.
    """
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(size[::-1]).T


def runs_of_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Run lengths of a mask (h, w), as :func:`mask_of_runs` reads them."""
    flat = np.concatenate([[False], mask.T.reshape(-1), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    edges = edges[edges < mask.size]
    return np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()


def clipped(polygon: NDArray[np.float64], low: Sequence[float], high: Sequence[float]) -> NDArray[np.float64]:
    """The part of a polygon inside a rectangle.

    Args:
        polygon: (n, 2), x and y of its corners.
        low: x and y of the rectangle's upper left corner.
        high: of its lower right corner.

    Returns:
        (m, 2); parts of a polygon that the rectangle cuts in several hang together along its edge. Of no area left,
        (0, 2).

    Reference:
        Sutherland, Hodgman, "Reentrant polygon clipping", Communications of the ACM 17, 1974.
    """
    for axis in (0, 1):
        for bound, sign in ((low[axis], 1.0), (high[axis], -1.0)):
            polygon = _on_one_side(polygon, axis, bound, sign)
    return polygon if _area(polygon) > 0 else np.zeros((0, 2))


def mask_of_polygons(polygons: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose centres lie inside one of some polygons.

    Args:
        polygons: (n, 2) each, x and y of the corners, in pixels from the upper left corner of the picture.
        size: height and width of the mask.

    Returns:
        (h, w).
    """
    mask = np.zeros(size, bool)
    centres = np.arange(size[1]) + 0.5
    for polygon in polygons:
        ends = np.roll(polygon, -1, axis=0)
        for row in range(size[0]):
            y = row + 0.5
            crossing = (polygon[:, 1] <= y) != (ends[:, 1] <= y)
            start, end = polygon[crossing], ends[crossing]
            xs = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
            mask[row] |= np.searchsorted(np.sort(xs), centres, side="right") % 2 == 1
    return mask


def _on_one_side(polygon: NDArray[np.float64], axis: int, bound: float, sign: float) -> NDArray[np.float64]:
    if not len(polygon):
        return polygon
    depths = sign * (polygon[:, axis] - bound)  # (n,) above 0 inside
    if (depths >= 0).all():
        return polygon
    kept: list[NDArray[np.float64]] = []
    for i in range(len(polygon)):
        before, here = depths[i - 1], depths[i]
        if (before >= 0) != (here >= 0):
            kept.append(polygon[i - 1] + (polygon[i] - polygon[i - 1]) * (before / (before - here)))
        if here >= 0:
            kept.append(polygon[i])
    return np.array(kept).reshape(-1, 2)


def _area(polygon: NDArray[np.float64]) -> float:
    if len(polygon) < 3:
        return 0.0
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
