"""What a decoded picture and a frame of a clip are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
        lasts: seconds that it is shown for, where its file says so of every frame, as animated pictures do.
        interlaced: its odd and its even rows are of two times.
    """

    pixels: np.ndarray
    seconds: float
    interlaced: bool = False
    lasts: float | None = None


def times_shown(lasting: Sequence[float]) -> list[int]:
    """How often each frame of an animated picture counts: as often as it lasts the usual frame, at least once.

    Writers of GIF, WebP and PNG join equal neighbours into one frame that lasts as long as all of them.

    Args:
        lasting: times that frames are shown for, at least one of them, all above 0, in any unit.
    """
    counts = Counter(lasting)
    usual = min(counts, key=lambda time: (-counts[time], time))
    return [max(1, round(time / usual)) for time in lasting]
