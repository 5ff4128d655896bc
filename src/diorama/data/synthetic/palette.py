"""The colours of the built-in world: saturated objects on quiet backgrounds, so that pixels can be told apart."""

from __future__ import annotations

from functools import cache

import numpy as np

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
"""Names of the objects' colours; index *i* of a factor means ``COLOURS[i]``."""

BASE = np.array(
    [
        (222, 42, 48),
        (247, 132, 20),
        (248, 212, 30),
        (52, 168, 72),
        (24, 190, 208),
        (44, 96, 226),
        (134, 58, 200),
        (240, 92, 176),
    ],
    dtype=np.float32,
)
"""(8, 3) full tone of every colour, in [0, 255]."""

SHADE = (BASE * 0.42).astype(np.float32)
"""(8, 3) dark tone of every colour; a texture mixes the two."""

BACKGROUNDS = ("white", "sand", "mist", "slate", "charcoal", "dawn", "fog", "spotlight")
"""Names of the backgrounds: five flat ones, a vertical, a horizontal and a radial gradient."""

_ENDS = {
    "white": ((246, 245, 242),) * 2,
    "sand": ((222, 206, 178),) * 2,
    "mist": ((178, 196, 210),) * 2,
    "slate": ((98, 108, 122),) * 2,
    "charcoal": ((40, 42, 50),) * 2,
    "dawn": ((128, 146, 172), (246, 226, 204)),
    "fog": ((238, 240, 240), (112, 116, 124)),
    "spotlight": ((208, 204, 196), (52, 50, 56)),
}


def _blend(name: str, size: int) -> np.ndarray:
    """(size, size) weight of a background's second colour at every pixel's centre."""
    place = (np.arange(size, dtype=np.float32) + 0.5) / size  # centres of pixels, in sides
    x, y = place[None, :], place[:, None]
    if name == "fog":
        return np.broadcast_to(x, (size, size))
    if name == "spotlight":
        return np.clip(1.5 * np.hypot(x - 0.5, y - 0.5), 0, 1)
    return np.broadcast_to(y, (size, size))


@cache
def backgrounds(size: int) -> np.ndarray:
    """Every background as a picture, (8, size, size, 3) float32 in [0, 255]; read-only."""
    pictures = []
    for name in BACKGROUNDS:
        first, second = np.array(_ENDS[name], dtype=np.float32)
        weight = _blend(name, size)[..., None]
        pictures.append(first * (1 - weight) + second * weight)
    stack = np.stack(pictures).astype(np.float32)
    stack.flags.writeable = False
    return stack
