"""Clips: files to frames with their times, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diorama.media.image import Frame
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.stamp import SyntheticStamp


@dataclass(frozen=True)
class VideoInfo:
    """What a clip's header says: pixels, mean frames a second, seconds and frames (``None`` where unknown)."""

    height: int
    width: int
    fps: float | None
    seconds: float | None
    frames: int | None


def probe(source: Path | bytes, name: str = "", limits: Limits = DEFAULT_LIMITS) -> VideoInfo: ...


def read_video(source: Path | bytes, name: str = "", limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]: ...


def write_video(path: Path, frames: np.ndarray, fps: float, stamp: SyntheticStamp | None = None) -> None:
    """Write frames (t, h, w, c) uint8 as .mp4, .webm or .gif, by the suffix."""
    ...
