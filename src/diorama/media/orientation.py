"""Pictures as they are to be seen: turned and mirrored as the camera noted."""

from __future__ import annotations

import numpy as np

UPRIGHT = 1


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as its orientation says it is seen.

    Args:
        pixels: (h, w, ...) as stored.
        orientation: 1 to 8, as EXIF numbers them (CIPA DC-008, tag 0x0112); others are taken for 1.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
