"""What a decoded picture and a frame of a clip are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Args:
        pixels: (h, w, c) in stored units: uint8, uint16, float32, or float16 from arrays; c is 1 to N.
        mode: the file's own mode (``L``, ``P``, ``RGBA``, ``CMYK``, ``I;16``, ``F``, ``array`` …).
        notes: what was done to it, a few words each.
    """

    pixels: np.ndarray
    mode: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One frame of a clip.

    Args:
        pixels: (h, w, c) in stored units.
        seconds: time since the start of the clip.
        interlaced: its odd and its even rows are of two times.
    """

    pixels: np.ndarray
    seconds: float
    interlaced: bool = False
