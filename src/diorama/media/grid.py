"""Many pictures in one, and many clips in one."""

from __future__ import annotations

import math

import numpy as np

_PLAYED_WIDTH = 384


def grid(images: np.ndarray, columns: int | None = None, pad: int = 2, background: int = 255) -> np.ndarray:
    """Pictures, or clips that play at once, laid out row by row.

    Args:
        images: (n, h, w, c) uint8, or (n, t, h, w, c) for clips, n >= 1; of tensors in [-1, 1]
            :func:`diorama.media.convert.displayable` makes such.
        columns: pictures a row; about as many as rows by default (:func:`about_square` says how many make a square).
        pad: pixels between pictures and around them.
        background: grey level of the gaps and of the empty places, 0 to 255.

    Returns:
        (H, W, c) uint8, or (t, H, W, c).

    Raises:
        ValueError: no pictures, neither four nor five dimensions, or no column.
    """
    if images.ndim not in (4, 5) or len(images) == 0:
        raise ValueError(f"a grid needs pictures (n, h, w, c) or clips (n, t, h, w, c), got shape {images.shape}")
    if columns is not None and columns < 1:
        raise ValueError(f"a grid needs at least one column, got {columns}")
    clips = images if images.ndim == 5 else images[:, np.newaxis]
    n, t, h, w, c = clips.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = -(-n // columns)
    canvas = np.full((t, rows * (h + pad) + pad, columns * (w + pad) + pad, c), background, np.uint8)
    for i, clip in enumerate(clips):
        top, left = pad + i // columns * (h + pad), pad + i % columns * (w + pad)
        canvas[:, top : top + h, left : left + w] = clip
    return canvas if images.ndim == 5 else canvas[0]


def strips(clips: np.ndarray, frames: int = 16, pad: int = 2, background: int = 255) -> np.ndarray:
    """Clips as one still picture: a row for each, its frames from left to right.

    Args:
        clips: (n, t, h, w, c) uint8, n >= 1.
        frames: shown of each clip at most, evenly spread from the first to the last.
        pad: pixels between frames and around them.
        background: grey level of the gaps, 0 to 255.

    Returns:
        (H, W, c) uint8.

    Raises:
        ValueError: no clips, or not five dimensions.
    """
    if clips.ndim != 5 or len(clips) == 0:
        raise ValueError(f"strips are made of clips (n, t, h, w, c), got shape {clips.shape}")
    chosen = np.linspace(0, clips.shape[1] - 1, min(frames, clips.shape[1])).round().astype(int)
    shown = clips[:, chosen]  # (n, frames, h, w, c)
    return grid(shown.reshape(-1, *shown.shape[2:]), len(chosen), pad, background)


def enlarged(frames: np.ndarray) -> np.ndarray:
    """A clip, (t, h, w, c), enlarged in whole steps to about 384 pixels across, since video halves colour."""
    times = max(1, _PLAYED_WIDTH // frames.shape[2])
    return frames.repeat(times, 1).repeat(times, 2)


def about_square(count: int, height: int, width: int) -> int:
    """Columns of a grid of so many pictures that is about as wide as it is high."""
    return max(1, math.ceil(math.sqrt(count * height / width)))
