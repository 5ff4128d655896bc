"""The reader's first half: which background a picture has, and which colour each pixel belongs to.

Everything is done at 32 pixels a side: larger pictures are averaged down to it first, so one set of thresholds
serves every size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from diorama.data.synthetic.palette import BASE, COLOURS, SHADE, backgrounds

WORKING_SIDE = 32
"""Pixels a side at which pictures are read, and the smallest that can be."""

_FAR = 36.0
"""Grey levels (root of the summed squares of three channels) beyond which a pixel is not background."""

_FOREGROUND = 14.0
"""Grey levels from the background below which a pixel of a clean picture is background wholly."""

_NOISE_FACTOR = 2.2
"""The same in medians of the background's own deviation, for noisy or drifted pictures."""

_STRANGE = 42.0
"""Grey levels from every mixture of background and one colour beyond which a pixel is unexplained."""

_COVERED = 0.5


@dataclass(frozen=True)
class Segments:
    """Pictures taken apart.

    Args:
        background: (n,) int64, or -1 where no background fits.
        colour: (n, 32, 32) int64 colour of every foreground pixel, -1 on background, -2 where nothing fits.
        cover: (n, 32, 32) float32 how much of the pixel the object covers, 0 on background.
        tone: (n, 32, 32) float32 full tone (1) against dark tone (0), meaningful where covered.
    """

    background: np.ndarray
    colour: np.ndarray
    cover: np.ndarray
    tone: np.ndarray


@cache
def _averaging(size: int) -> np.ndarray:
    """(32, size) float32 matrix that averages a row of pixels down by area."""
    edges = np.arange(WORKING_SIDE + 1) * size / WORKING_SIDE
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.clip(overlap, 0, None) * WORKING_SIDE / size).astype(np.float32)


def reduce_pictures(images: np.ndarray) -> np.ndarray:
    """Pictures at 32 pixels a side: (n, s, s, 3) uint8 to (n, 32, 32, 3) float32 in [0, 255]."""
    count, size = images.shape[:2]
    pixels = images.astype(np.float32)
    if size == WORKING_SIDE:
        return pixels
    matrix = _averaging(size)
    rows = np.matmul(matrix, pixels.reshape(count, size, size * 3))  # (n, 32, s · 3)
    rows = rows.reshape(count * WORKING_SIDE, size, 3)
    return np.matmul(matrix, rows).reshape(count, WORKING_SIDE, WORKING_SIDE, 3)


def find_background(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best background of every picture by truncated squares.

    Returns:
        (n,) index or -1, and the squared distance (n, 32, 32) of every pixel to the best one.
    """
    known = backgrounds(WORKING_SIDE)
    distance = np.empty((len(known), *pixels.shape[:3]), dtype=np.float32)
    for number, background in enumerate(known):
        difference = pixels - background
        np.einsum("nijc,nijc->nij", difference, difference, out=distance[number])
    cost = np.minimum(distance, _FAR**2).mean(axis=(2, 3))  # (8, n)
    best = cost.argmin(axis=0)
    ranked = np.sort(cost, axis=0)
    chosen = distance[best, np.arange(len(pixels))]
    seen = (chosen < _FAR**2).mean(axis=(1, 2))
    sure = (seen > 0.2) & (ranked[1] - ranked[0] > 0.1 * (_FAR**2 - ranked[0]) * seen)
    return np.where(sure, best, -1), chosen


def _unmix(pixels: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, ...]:
    """Explain each pixel as background, dark tone and full tone of one colour.

    Least squares of ``pixel - behind = cover * (shade - behind) + light * (base - shade)``, bounded to
    ``0 <= light <= cover <= 1``, for every colour; the colour that leaves least wins.

    Args:
        pixels: (m, 3) foreground.
        behind: (m, 3) the background there.

    Returns:
        colour (m,), cover (m,), tone (m,), what is left (m,) in grey levels.
    """
    target = (pixels - behind)[:, None]  # (m, 1, 3)
    first = SHADE - behind[:, None]  # (m, 8, 3)
    second = (BASE - SHADE)[None]
    ff, ss = (first * first).sum(-1), (second * second).sum(-1)
    # Normal equations of two unknowns for every pixel and colour, (m, 8) each.
    fs, ft, st = (first * second).sum(-1), (first * target).sum(-1), (second * target).sum(-1)
    determinant = np.maximum(ff * ss - fs * fs, 1e-3)
    cover = np.clip((ft * ss - st * fs) / determinant, 0, 1)
    light = np.clip((st - cover * fs) / ss, 0, cover)
    left = ((target - cover[..., None] * first - light[..., None] * second) ** 2).sum(-1)
    colour = left.argmin(axis=1)
    each = np.arange(len(pixels))
    share = cover[each, colour]
    return colour, share, light[each, colour] / np.maximum(share, 1e-3), np.sqrt(left[each, colour])


def segment(pixels: np.ndarray) -> Segments:
    """Take pictures apart.

    Args:
        pixels: (n, 32, 32, 3) float32 in [0, 255].
    """
    background, distance = find_background(pixels)
    colour = np.full(distance.shape, -1, dtype=np.int64)
    cover = np.zeros(distance.shape, dtype=np.float32)
    tone = np.zeros(distance.shape, dtype=np.float32)
    quiet = np.where(distance < _FAR**2, distance, np.nan)
    quiet[background < 0] = 0.0
    deviation = np.sqrt(np.nanmedian(quiet, axis=(1, 2)))
    threshold = np.clip(_NOISE_FACTOR * deviation, _FOREGROUND, _FAR)
    front = (distance > threshold[:, None, None] ** 2) & (background >= 0)[:, None, None]
    where = np.nonzero(front)
    behind = backgrounds(WORKING_SIDE)[background[where[0]], where[1], where[2]]
    found, share, light, left = _unmix(pixels[where], behind)
    colour[where] = np.where(left > _STRANGE, -2, found)
    cover[where] = share
    tone[where] = light
    return Segments(background, colour, cover, tone)


def cores(colour: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """How many 2x2 blocks lie wholly inside each colour: (n, 8). Mixed edges between objects have none."""
    counts = np.zeros((len(colour), len(COLOURS)), dtype=np.int64)
    solid = np.where(cover > _COVERED, colour, -1)
    block = solid[:, :-1, :-1]
    same = (block == solid[:, 1:, :-1]) & (block == solid[:, :-1, 1:]) & (block == solid[:, 1:, 1:]) & (block >= 0)
    row, down, across = np.nonzero(same)
    np.add.at(counts, (row, block[row, down, across]), 1)
    return counts
