"""The reader's second half: which shape, of which size, where, makes an outline.

Every shape and size is slid over the picture at once by Fourier correlation, which takes pixels that other
objects may hide as unknown; the best few are then moved by fractions of a pixel until they fit (Gauss-Newton on
the same antialiased coverage that the renderer draws). What is drawn again and compared is the only evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from diorama.data.synthetic.geometry import RADII, SHAPES, TEXTURES, coverage, tone
from diorama.data.synthetic.render import patch_side
from diorama.data.synthetic.segment import WORKING_SIDE

_KINDS = len(SHAPES) * len(RADII)
_KEPT = 6
"""Hypotheses that are refined; the truth is nearly always among them."""

_STEPS = 3
_PATCH = patch_side(float(RADII.max()) * WORKING_SIDE) + 4
_OCCAM = 0.05
"""Cost of every hidden pixel: of two outlines that fit alike, the one that hides less is believed."""

_PIXELS = (RADII * WORKING_SIDE).astype(np.float32)


@dataclass(frozen=True)
class Fits:
    """The refined hypotheses of *k* outlines, best first.

    Args:
        shape: (k, h) int64.
        size: (k, h) int64.
        centre: (k, h, 2) float32, (x, y) in pixels of the working size.
        misfit: (k, h) float32, squared difference of coverage summed over known pixels.
        cost: (k, h) float32, the misfit and a little for every pixel that is supposed hidden; the order goes by it.
        visible: (k, h) float32, share of the outline's area on known pixels.
    """

    shape: np.ndarray
    size: np.ndarray
    centre: np.ndarray
    misfit: np.ndarray
    cost: np.ndarray
    visible: np.ndarray


def draw_outlines(shape: np.ndarray, size: np.ndarray, centre: np.ndarray, corner: np.ndarray, side: int) -> np.ndarray:
    """Coverage patches (m, side, side) of outlines whose patches start at ``corner`` (m, 2), (x, y) in pixels."""
    radius = _PIXELS[size][:, None, None]
    steps = np.arange(side, dtype=np.float32) + np.float32(0.5)
    place = corner[:, :, None] + steps - centre[:, :, None]  # (m, 2, side)
    u = (place[:, 0, None, :] / radius).astype(np.float32)
    v = (place[:, 1, :, None] / radius).astype(np.float32)
    cover = np.empty((len(shape), side, side), dtype=np.float32)
    for number in range(len(SHAPES)):
        mine = np.nonzero(shape == number)[0]
        cover[mine] = coverage(number, u[mine], v[mine], radius[mine])
    return cover


@cache
def _templates() -> tuple[np.ndarray, np.ndarray]:
    """Conjugate spectra (24, 32, 17) of every outline about the first pixel's centre, and of its square."""
    shape, size = (a.ravel() for a in np.meshgrid(np.arange(len(SHAPES)), np.arange(len(RADII)), indexing="ij"))
    middle = WORKING_SIDE // 2
    centre = np.full((_KINDS, 2), middle + 0.5, dtype=np.float32)
    outline = draw_outlines(shape, size, centre, np.zeros((_KINDS, 2), dtype=np.float32), WORKING_SIDE)
    outline = np.roll(outline, (-middle, -middle), axis=(1, 2))
    return np.conj(np.fft.rfft2(outline)), np.conj(np.fft.rfft2(outline * outline))


def _search(seen: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best whole-pixel place of every kind: kinds (k, 6) and centres (k, 6, 2), the best kinds first."""
    plain, squared = _templates()
    linear = _OCCAM * (1 - known) - 2 * known * seen
    # The squared misfit over known pixels, expanded: outline² · known - 2 outline · known · seen, and a constant.
    spectrum = np.fft.rfft2(known)[:, None] * squared + np.fft.rfft2(linear)[:, None] * plain
    cost = np.fft.irfft2(spectrum, s=(WORKING_SIDE, WORKING_SIDE)).reshape(len(seen), _KINDS, -1)
    place = cost.argmin(axis=2)
    least = np.take_along_axis(cost, place[..., None], axis=2)[..., 0]
    kinds = np.argsort(least, axis=1)[:, :_KEPT]  # (k, 6)
    best = np.take_along_axis(place, kinds, axis=1)
    centre = np.stack([best % WORKING_SIDE, best // WORKING_SIDE], axis=-1).astype(np.float32) + 0.5
    return kinds, centre


def _patches(maps: np.ndarray, corner: np.ndarray, beyond: float) -> np.ndarray:
    """Cut (k, h, p, p) patches out of maps (k, 32, 32); pixels outside the picture are ``beyond``."""
    padded = np.pad(maps, ((0, 0), (_PATCH, _PATCH), (_PATCH, _PATCH)), constant_values=beyond)
    steps = np.arange(_PATCH)
    rows = np.arange(len(maps))[:, None, None, None]
    down = corner[..., 1, None, None] + _PATCH + steps[:, None]
    across = corner[..., 0, None, None] + _PATCH + steps
    return padded[rows, down, across]  # (k, h, p, p)


def fit(seen: np.ndarray, known: np.ndarray) -> Fits:
    """Fit outlines.

    Args:
        seen: (k, 32, 32) float32 coverage of one colour.
        known: (k, 32, 32) float32, 1 where that is evidence, 0 where another object may hide it.
    """
    kinds, centre = _search(seen, known)
    count, kept = kinds.shape
    corner = np.round(centre - _PATCH / 2).astype(np.int64)
    target = _patches(seen, corner, 0.0).reshape(count * kept, _PATCH, _PATCH)
    weight = _patches(known, corner, 1.0).reshape(count * kept, _PATCH, _PATCH)
    shape, size = (kinds // len(RADII)).ravel(), (kinds % len(RADII)).ravel()
    start, place = corner.reshape(-1, 2).astype(np.float32), centre.reshape(-1, 2)
    for _ in range(_STEPS):
        outline = draw_outlines(shape, size, place, start, _PATCH)
        place = place + _newton(outline, target, weight)
    outline = draw_outlines(shape, size, place, start, _PATCH)
    misfit = (weight * (outline - target) ** 2).sum(axis=(1, 2))
    area = outline.sum(axis=(1, 2))
    hidden = ((1 - weight) * outline).sum(axis=(1, 2))
    cost = (misfit + _OCCAM * hidden).reshape(count, kept)
    order = np.argsort(cost, axis=1)
    rows = np.arange(count)[:, None]
    return Fits(
        shape=shape.reshape(count, kept)[rows, order],
        size=size.reshape(count, kept)[rows, order],
        centre=place.reshape(count, kept, 2)[rows, order],
        misfit=misfit.reshape(count, kept)[rows, order],
        cost=cost[rows, order],
        visible=(1 - hidden / area).reshape(count, kept)[rows, order],
    )


def _newton(outline: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """One bounded Gauss-Newton step (m, 2) of the centres."""
    # Moving an outline right by d changes a pixel by minus the outline's own slope there times d.
    down, across = np.gradient(outline, axis=(1, 2))
    left = weight * (outline - target)
    xx, yy = ((weight * g * g).sum(axis=(1, 2)) + 1e-3 for g in (across, down))
    xy = (weight * across * down).sum(axis=(1, 2))
    bx, by = ((left * g).sum(axis=(1, 2)) for g in (across, down))
    determinant = np.maximum(xx * yy - xy * xy, 1e-3)
    step = np.stack([(bx * yy - by * xy) / determinant, (by * xx - bx * xy) / determinant], axis=-1)
    return np.clip(step, -0.5, 0.5).astype(np.float32)


def texture_costs(
    shape: np.ndarray, size: np.ndarray, centre: np.ndarray, seen: np.ndarray, tones: np.ndarray
) -> np.ndarray:
    """How badly each texture explains the tones inside fitted outlines.

    Args:
        shape: (k,) int64 fitted shapes.
        size: (k,) int64 fitted sizes.
        centre: (k, 2) fitted centres, in pixels of the working size.
        seen: (k, 32, 32) float32 coverage, 0 where unknown.
        tones: (k, 32, 32) float32 tone of every pixel.

    Returns:
        (k, 5) mean squared difference of tone, in [0, 1].
    """
    corner = np.zeros((len(shape), 2), dtype=np.float32)
    outline = draw_outlines(shape, size, centre, corner, WORKING_SIDE)
    weight = np.where(np.minimum(outline, seen) > 0.7, outline, 0)
    total = np.maximum(weight.sum(axis=(1, 2)), 1e-3)
    radius = _PIXELS[size][:, None, None]
    steps = np.arange(WORKING_SIDE, dtype=np.float32) + np.float32(0.5)
    u = ((steps - centre[:, 0, None])[:, None, :] / radius).astype(np.float32)
    v = ((steps - centre[:, 1, None])[:, :, None] / radius).astype(np.float32)
    costs = [
        (weight * (tone(number, u, v, radius) - tones) ** 2).sum(axis=(1, 2)) / total for number in range(len(TEXTURES))
    ]
    return np.stack(costs, axis=1)
