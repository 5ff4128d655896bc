"""Shapes as signed distances and textures as tones, both in an object's own coordinates.

An object of radius *r* maps a pixel at ``(x, y)`` to ``u = (x - cx) / r``, ``v = (y - cy) / r`` (v grows
downwards), where ``(cx, cy)`` is the centre of its bounding box. Distances are in units of *r*, negative inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

SHAPES = ("circle", "square", "triangle", "diamond", "star", "cross", "heart", "ring")
"""Names of the shapes; index *i* of a factor means ``SHAPES[i]``."""

SIZES = ("small", "medium", "large")
"""Names of the sizes."""

RADII = np.array([0.14, 0.19, 0.26], dtype=np.float32)
"""Radius of every size, as a share of the picture's side."""

TEXTURES = ("plain", "striped", "dotted", "checked", "shaded")
"""Names of the textures."""

_STAR_OUTER, _STAR_INNER = 1.16, 0.54
_SIN36, _COS36 = math.sin(math.pi / 5), math.cos(math.pi / 5)
_HEART_LOBE, _HEART_RADIUS, _HEART_TIP = (0.48, -0.40), 0.55, 0.95

EXTENTS = np.array(
    [
        (0.98, 0.98),
        (0.86, 0.86),
        (1.10, 0.95),
        (1.12, 1.12),
        (_STAR_OUTER * math.sin(2 * math.pi / 5), _STAR_OUTER * (1 + _COS36) / 2),
        (1.00, 1.00),
        (_HEART_LOBE[0] + _HEART_RADIUS, _HEART_TIP),
        (1.02, 1.02),
    ],
    dtype=np.float32,
)
"""(8, 2) half width and half height of every shape, in radii."""

LARGEST_EXTENT = float(EXTENTS.max())


def _circle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.sqrt(u * u + v * v) - 0.98


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - 0.86


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # The two slanted sides have the normal (1.9, -1.1), and the base lies at v = 0.95.
    slope = math.hypot(1.9, 1.1)
    return np.maximum((1.9 * np.abs(u) - 1.1 * (v + 0.95)) / slope, v - 0.95)


def _diamond(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (np.abs(u) + np.abs(v) - 1.12) * math.sqrt(0.5)


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # Two reflections about the 36-degree line fold ten equal wedges onto one, which has a single edge.
    x = np.abs(u)
    y = _STAR_OUTER * (1 - _COS36) / 2 - v
    for _ in range(2):
        beyond = 2 * np.maximum(x * _COS36 - y * _SIN36, 0)
        x, y = np.abs(x - beyond * _COS36), y + beyond * _SIN36
    edge = (_STAR_INNER * _SIN36, _STAR_INNER * _COS36 - _STAR_OUTER)
    length = math.hypot(*edge)
    return (-x * edge[1] + (y - _STAR_OUTER) * edge[0]) / length


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    x, y = np.abs(u), np.abs(v)
    return np.minimum(np.maximum(x - 1.0, y - 0.36), np.maximum(x - 0.36, y - 1.0))


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # Two discs, and below them the wedge whose sides run from the tip along the discs' tangents.
    x = np.abs(u)
    to_lobe = (_HEART_LOBE[0], _HEART_LOBE[1] - _HEART_TIP)
    angle = math.atan2(to_lobe[1], to_lobe[0]) + math.acos(-_HEART_RADIUS / math.hypot(*to_lobe))
    wedge = math.cos(angle) * x + math.sin(angle) * (v - _HEART_TIP)
    # The wedge starts where the tangents touch, so that its upper corners stay inside the discs.
    touch = _HEART_LOBE[1] + _HEART_RADIUS * math.sin(angle)
    lower = np.maximum(np.maximum(wedge, x - _HEART_LOBE[0]), _HEART_LOBE[1] - v)
    lower = np.minimum(lower, np.maximum(wedge, touch - v))
    disc = np.sqrt((x - _HEART_LOBE[0]) ** 2 + (v - _HEART_LOBE[1]) ** 2) - _HEART_RADIUS
    return np.minimum(disc, lower)


def _ring(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.abs(np.sqrt(u * u + v * v) - 0.74) - 0.28


_DISTANCES: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (
    _circle,
    _square,
    _triangle,
    _diamond,
    _star,
    _cross,
    _heart,
    _ring,
)


def coverage(shape: int, u: np.ndarray, v: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """How much of each pixel a shape covers.

    Args:
        shape: index into :data:`SHAPES`.
        u: horizontal coordinates, in radii; broadcasts against ``v``.
        v: vertical coordinates, in radii.
        radius: of the object, in pixels; broadcasts.

    Returns:
        Values in [0, 1]: a pixel whose centre lies on the edge is half covered.
    """
    return np.clip(0.5 - _DISTANCES[shape](u, v) * radius, 0, 1)


def _wave(place: np.ndarray, period: float, radius: np.ndarray | float) -> np.ndarray:
    """A square wave of 1 about every multiple of ``period``, with edges one pixel soft."""
    phase = np.abs(place / period - np.round(place / period))
    return np.clip(0.5 + (0.25 - phase) * period * radius, 0, 1)


def tone(texture: int, u: np.ndarray, v: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """How much of the full tone (1) against the dark tone (0) a texture has at each pixel.

    Args:
        texture: index into :data:`TEXTURES`.
        u: horizontal coordinates, in radii; broadcasts against ``v``.
        v: vertical coordinates, in radii.
        radius: of the object, in pixels; broadcasts.

    Returns:
        Values in [0, 1] of the broadcast shape of ``u`` and ``v``.
    """
    name = TEXTURES[texture]
    if name == "plain":
        return np.ones(np.broadcast_shapes(u.shape, v.shape), dtype=np.float32)
    if name == "striped":
        return _wave(v, 0.9, radius) + np.zeros_like(u)
    if name == "dotted":
        # Distances from the nearest point of a grid of dots 0.8 apart.
        x, y = (place - 0.8 * np.round(place / 0.8) for place in (u, v))
        return np.clip(0.5 + (np.sqrt(x * x + y * y) - 0.25) * radius, 0, 1)
    if name == "checked":
        across, down = _wave(u, 1.4, radius), _wave(v, 1.4, radius)
        return across * down + (1 - across) * (1 - down)
    return np.clip(0.5 - 0.5 * v, 0, 1) + np.zeros_like(u)
