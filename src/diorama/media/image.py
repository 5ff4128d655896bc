"""Pictures: bytes to pixels in their own units, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.stamp import SyntheticStamp


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Args:
        pixels: (h, w, c), uint8, uint16 or float32, as stored; c is 1 to N.
        mode: the file's own mode (``L``, ``P``, ``RGBA``, ``CMYK``, ``I;16``, ``F``, ``array`` …).
        notes: what was done to it, a few words each.
    """

    pixels: np.ndarray
    mode: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One frame of a clip: pixels (h, w, c) and its time since the start, in seconds."""

    pixels: np.ndarray
    seconds: float


def read_image(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Picture: ...


def read_frames(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]: ...


def write_image(path: Path, pixels: np.ndarray, stamp: SyntheticStamp | None = None) -> None:
    """Write (h, w, c) pixels as .png, .jpg, .webp, .tif or .npy, by the suffix."""
    ...
