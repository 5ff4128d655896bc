"""The factor reader: what is in a picture of the built-in world, from its pixels alone.

A picture is taken apart into its background and its colours (``segment``), every colour's outline is explained by
the shape, size and place that draw it again best (``fit``), and its tones by a texture. The reader abstains from
a factor when what it drew again differs too much from what is there, or when another answer fits nearly as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.synthetic.fit import Fits, draw_outlines, fit, texture_costs
from diorama.data.synthetic.geometry import RADII, SHAPES, SIZES, TEXTURES
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS
from diorama.data.synthetic.readings import ObjectReading, SceneReading
from diorama.data.synthetic.segment import WORKING_SIDE, Segments, cores, reduce_pictures, segment

_CHUNK = 64
_LEAST_CORE = 3
"""2x2 blocks of one colour that make an object."""

_ROUNDS = 3
"""Objects of one colour that are looked for (the world has at most one; generated pictures may have more)."""

_WORST_OUTLINE = 0.2
"""Squared difference a pixel of outline beyond which shape, size and place are left open."""

_LEAST_MARGIN = (0.3, 0.3)
"""By how much every rival must be worse: pixels, and a share of the best one's own cost."""

_MOST_DOUBT = 0.2
"""By how much a rival may fit the seen pixels better, where the best one wins by hiding less."""

_LEAST_VISIBLE = 0.4
_LEAST_TEXTURE_MARGIN = 0.05
_WORST_TEXTURE = 0.06
_LEAST_EXPLAINED = 0.985


@dataclass(frozen=True)
class _Found:
    """Objects of a chunk of pictures: ``row`` (k,) picture, ``colour`` (k,), ``fits``, ``texture`` (k, 5) costs."""

    row: np.ndarray
    colour: np.ndarray
    fits: Fits
    texture: np.ndarray


def read_factors(images: np.ndarray) -> list[SceneReading]:
    """Read pictures.

    Args:
        images: (n, s, s, 3) uint8 with s at least 32.

    Returns:
        n readings.

    Raises:
        BadInput: another type or shape, or less than 32 pixels a side.
    """
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3 or images.dtype != np.uint8:
        raise BadInput(f"the factor reader reads square uint8 colour pictures (n, s, s, 3), got {images.shape}")
    if images.shape[1] < WORKING_SIDE:
        raise BadInput(f"the factor reader needs {WORKING_SIDE} pixels a side or more, got {images.shape[1]}")
    readings: list[SceneReading] = []
    for first in range(0, len(images), _CHUNK):
        readings += _read(segment(reduce_pictures(images[first : first + _CHUNK])))
    return readings


def _read(segments: Segments) -> list[SceneReading]:
    colour = segments.colour.copy()
    drawn = np.zeros(colour.shape, dtype=np.float32)
    rounds = []
    for _ in range(_ROUNDS):
        row, number = np.nonzero(cores(colour, segments.cover) >= _LEAST_CORE)
        if not len(row):
            break
        found = _explain(segments, colour, row, number)
        rounds.append(found)
        outline = _outlines(found)
        np.maximum.at(drawn, row, outline)
        # An object's own colour is used up under its outline and one pixel around; what is left may be another's.
        used = outline > 0
        for each, (picture, tint) in enumerate(zip(row, number, strict=True)):
            mine = used[each] & (colour[picture] == tint)
            colour[picture][mine] = -2
    explained = _explained(segments, drawn)
    return [_scene(segments, rounds, explained, picture) for picture in range(len(colour))]


def _explain(segments: Segments, colour: np.ndarray, row: np.ndarray, number: np.ndarray) -> _Found:
    mine = colour[row] == number[:, None, None]  # (k, 32, 32)
    seen = np.where(mine, segments.cover[row], 0).astype(np.float32)
    # Where another colour is in front, nothing is known of what lies behind it.
    known = (mine | (colour[row] == -1)).astype(np.float32)
    fits = fit(seen, known)
    texture = texture_costs(fits.shape[:, 0], fits.size[:, 0], fits.centre[:, 0], seen, segments.tone[row])
    return _Found(row, number, fits, texture)


def _outlines(found: _Found) -> np.ndarray:
    fits = found.fits
    corner = np.zeros((len(found.row), 2), dtype=np.float32)
    return draw_outlines(fits.shape[:, 0], fits.size[:, 0], fits.centre[:, 0], corner, WORKING_SIDE)


def _explained(segments: Segments, drawn: np.ndarray) -> np.ndarray:
    """Share of each picture's pixels (n,) that are background outside the outlines, or an object inside them."""
    stray = (segments.colour != -1) & (segments.cover > 0.3) & (drawn == 0)
    missing = (segments.colour == -1) & (drawn > 0.7)
    strange = (segments.colour == -2) & (drawn == 0)
    explained = 1 - (stray | missing | strange).mean(axis=(1, 2))
    return np.where(segments.background >= 0, explained, 0.0)


def _scene(segments: Segments, rounds: list[_Found], explained: np.ndarray, picture: int) -> SceneReading:
    objects = [_object(found, int(each)) for found in rounds for each in np.nonzero(found.row == picture)[0]]
    objects.sort(key=lambda thing: 2.0 if thing.x is None else thing.x)
    share = float(explained[picture])
    background = int(segments.background[picture])
    return SceneReading(
        background=BACKGROUNDS[background] if background >= 0 else None,
        objects=tuple(objects),
        count=len(objects) if share >= _LEAST_EXPLAINED else None,
        explained=share,
    )


def _object(found: _Found, each: int) -> ObjectReading:
    fits = found.fits
    shape, size = int(fits.shape[each, 0]), int(fits.size[each, 0])
    visible = float(fits.visible[each, 0])
    error = float(fits.misfit[each, 0] / (2 * np.pi * RADII[size] * WORKING_SIDE))
    clear = error <= _WORST_OUTLINE and visible >= _LEAST_VISIBLE
    shape_sure = clear and _beats(fits, each, fits.shape[each] != shape)
    size_sure = clear and _beats(fits, each, fits.size[each] != size)
    fitted = shape_sure and size_sure
    texture = np.sort(found.texture[each])
    surface = fitted and texture[0] <= _WORST_TEXTURE and texture[1] - texture[0] >= _LEAST_TEXTURE_MARGIN
    x, y = (float(p) / WORKING_SIDE for p in fits.centre[each, 0])
    return ObjectReading(
        colour=COLOURS[found.colour[each]],
        shape=SHAPES[shape] if shape_sure else None,
        size=SIZES[size] if size_sure else None,
        texture=TEXTURES[int(found.texture[each].argmin())] if surface else None,
        x=x if fitted else None,
        y=y if fitted else None,
        visible=visible if fitted else None,
        error=error,
    )


def _beats(fits: Fits, each: int, rival: np.ndarray) -> bool:
    """Whether an outline's best hypothesis is clearly better than its rivals.

    A rival that fits what is seen better, and lost only because it would hide more, leaves the matter open.
    """
    if not rival.any():
        return True
    cost, misfit = fits.cost[each], fits.misfit[each]
    needed = _LEAST_MARGIN[0] + _LEAST_MARGIN[1] * cost[0]
    return bool((cost[rival] - cost[0]).min() >= needed and (misfit[rival] - misfit[0]).min() >= -_MOST_DOUBT)
