"""Factors to pixels: every object is drawn on a patch of its own size, and patches are laid on one another.

Edges are antialiased from the signed distance (a pixel's coverage falls from 1 to 0 within one pixel of the
edge), so the same scene at 32 and 128 pixels differs by resampling only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from diorama.data.synthetic.geometry import LARGEST_EXTENT, RADII, SHAPES, TEXTURES, coverage, tone
from diorama.data.synthetic.palette import BASE, SHADE, backgrounds
from diorama.data.synthetic.scene import MOST_OBJECTS, Factors

_CHUNK = 64
"""Scenes drawn at once; their patches then stay in the processor's cache."""

SMALLEST_SIDE = 16
"""Pixels below which nothing can be told apart."""


@dataclass(frozen=True)
class _Patches:
    """The objects of one size: where they go and how they look.

    ``row`` (k,) scene, ``slot`` (k,) depth, ``top`` and ``left`` (k,) corner pixels, ``cover`` and ``tone`` (k, p, p).
    """

    row: np.ndarray
    slot: np.ndarray
    top: np.ndarray
    left: np.ndarray
    cover: np.ndarray
    tone: np.ndarray


def patch_side(radius: float) -> int:
    """Pixels of a square patch that holds any shape of ``radius`` pixels at any subpixel place."""
    return math.ceil(2 * LARGEST_EXTENT * radius) + 2


def draw_patches(factors: Factors, size: int) -> list[_Patches]:
    """Coverage and tone of all objects, grouped by size."""
    present = factors.present
    groups = []
    for number, share in enumerate(RADII):
        row, slot = np.nonzero(present & (factors.size == number))
        radius = float(share) * size
        side = min(patch_side(radius), size)
        centre = factors.position[row, slot] * np.float32(size)  # (k, 2)
        # Patches stay inside the picture; the outline, not the patch, says where the object is.
        corner = np.clip(np.round(centre - side / 2), 0, size - side).astype(np.int64)
        steps = np.arange(side, dtype=np.float32) + np.float32(0.5)
        place = (corner[:, :, None] + steps - centre[:, :, None]).astype(np.float32) / radius  # (k, 2, p)
        u, v = place[:, 0, None, :], place[:, 1, :, None]
        cover = np.zeros((len(row), side, side), dtype=np.float32)
        for shape in range(len(SHAPES)):
            mine = np.nonzero(factors.shape[row, slot] == shape)[0]
            cover[mine] = coverage(shape, u[mine], v[mine], radius)
        tones = np.ones_like(cover)
        for texture in range(1, len(TEXTURES)):
            mine = np.nonzero(factors.texture[row, slot] == texture)[0]
            tones[mine] = tone(texture, u[mine], v[mine], radius)
        groups.append(_Patches(row, slot, corner[:, 1], corner[:, 0], cover, tones))
    return groups


def _lay(canvas: np.ndarray, groups: list[_Patches], paints: list[np.ndarray]) -> None:
    """Lay patches on canvases (n, s, s, c) in place, from the back to the front.

    ``paints`` are (k, p, p, c), already weighted by the coverage. One object at a time on plain slices: gathering
    all windows of a depth by index arrays takes several times as long.
    """
    for depth in range(MOST_OBJECTS):
        for group, paint in zip(groups, paints, strict=True):
            chosen = np.nonzero(group.slot == depth)[0]
            keep = (1 - group.cover)[..., None]  # (k, p, p, 1)
            side = keep.shape[1]
            places = np.stack([chosen, group.row[chosen], group.top[chosen], group.left[chosen]], axis=1).tolist()
            for each, row, top, left in places:
                window = canvas[row, top : top + side, left : left + side]
                window[...] = window * keep[each] + paint[each]


def _paint(factors: Factors, size: int) -> np.ndarray:
    canvas = backgrounds(size).round().astype(np.uint8)[factors.background]
    groups = draw_patches(factors, size)
    paints = []
    for group in groups:
        colour = factors.colour[group.row, group.slot]
        dark, contrast = SHADE[colour][:, None, None], (BASE - SHADE)[colour][:, None, None]
        # Half a grey level, because laying truncates.
        paints.append(group.cover[..., None] * (dark + contrast * group.tone[..., None]) + np.float32(0.5))
    _lay(canvas, groups, paints)
    return canvas


def _shown(factors: Factors, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of every pixel by every object in sight (n, s, s, 3), and each object's whole area (n, 3)."""
    shown = np.zeros((len(factors), size, size, MOST_OBJECTS), dtype=np.float32)
    whole = np.zeros((len(factors), MOST_OBJECTS), dtype=np.float32)
    groups = draw_patches(factors, size)
    _lay(
        shown, groups, [g.cover[..., None] * np.eye(MOST_OBJECTS, dtype=np.float32)[g.slot, None, None] for g in groups]
    )
    for group in groups:
        whole[group.row, group.slot] = group.cover.sum(axis=(1, 2))
    return shown, whole


def rows_of(factors: Factors, rows: np.ndarray | slice) -> Factors:
    """The factors of some scenes."""
    return Factors(*(getattr(factors, f.name)[rows] for f in fields(Factors)))


def frames_of(factors: Factors, positions: np.ndarray) -> Factors:
    """One row of factors for every frame: ``positions`` is (n, t, 3, 2), the answer has n·t rows."""
    each = rows_of(factors, np.repeat(np.arange(len(factors)), positions.shape[1]))
    return replace(each, position=positions.reshape(-1, MOST_OBJECTS, 2))


def render(factors: Factors, size: int) -> np.ndarray:
    """Draw scenes.

    Args:
        factors: of n scenes.
        size: pixels a side, at least 16.

    Returns:
        (n, size, size, 3) uint8.
    """
    _check(size)
    pictures = np.empty((len(factors), size, size, 3), dtype=np.uint8)
    for first in range(0, len(factors), _CHUNK):
        part = slice(first, first + _CHUNK)
        pictures[part] = _paint(rows_of(factors, part), size)
    return pictures


def render_masks(factors: Factors, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each object is seen.

    Args:
        factors: of n scenes.
        size: pixels a side, at least 16.

    Returns:
        masks (n, 3, size, size) bool, disjoint: the object that covers at least half of a pixel and more than any
        other; and the visible share (n, 3) float32 of each object's area, 0 in unused slots.
    """
    _check(size)
    masks = np.zeros((len(factors), MOST_OBJECTS, size, size), dtype=bool)
    visible = np.zeros((len(factors), MOST_OBJECTS), dtype=np.float32)
    for first in range(0, len(factors), _CHUNK):
        part = slice(first, first + _CHUNK)
        shown, whole = _shown(rows_of(factors, part), size)
        winner = shown.argmax(axis=-1)  # (n, s, s)
        half = shown.max(axis=-1) >= 0.5
        masks[part] = (winner[:, None] == np.arange(MOST_OBJECTS)[:, None, None]) & half[:, None]
        visible[part] = shown.sum(axis=(1, 2)) / np.maximum(whole, 1e-6)
    return masks, visible


def _check(size: int) -> None:
    if size < SMALLEST_SIDE:
        raise ValueError(f"the world is drawn at {SMALLEST_SIDE} pixels or more, got {size}")
