"""Samples as they stand in the report: grids of pictures or of playing clips, each carrying its stamp."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from diorama.comparison.columns import Column
from diorama.media.grid import enlarged, grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import write_video
from diorama.web import embed

PICTURES, CLIPS = 64, 16
"""Samples shown of every generator."""

STAGED, STAGES = 4, 8
"""Samples shown on their way from noise, and at how many places of it."""

BETWEEN, PLACES = 2, 8
"""Samples shown on their way to those of the next seed, and at how many places of it."""


def embedded_grid(
    pictures: np.ndarray, *, columns: int | None = None, alt: str, stamp: SyntheticStamp | None, fps: float
) -> str:
    """Pictures or clips side by side, as one embedded file that a click enlarges.

    Args:
        pictures: (n, h, w, 3) or (n, t, h, w, 3) uint8.
        columns: pictures in a row; about as many as there are rows by default.
        alt: what is shown, for those who cannot see it.
        stamp: of the model that drew them; ``None`` for real records.
        fps: of clips.
    """
    columns = columns or columns_of(len(pictures))
    if pictures.ndim == 4:
        laid = grid(pictures, columns=columns, pad=1, background=128)
        content = _written(laid, stamp, fps)
        size = (laid.shape[1], laid.shape[0])
        return embed.enlargeable(embed.picture(content, ".png", alt=alt, size=size), alt=alt, size=size)
    frames = enlarged(grid(pictures, columns=columns, pad=1, background=128))  # (t, grid h, grid w, 3)
    content = _written(frames, stamp, fps)
    size = (frames.shape[2], frames.shape[1])
    return embed.enlargeable(embed.clip(content, ".mp4", alt=alt, size=size), alt=alt, size=size)


def columns_of(count: int) -> int:
    """Columns of a grid of so many pictures that has about as many rows."""
    return max(1, round(count**0.5))


def stamp_of(column: Column, seed: int) -> SyntheticStamp | None:
    """The mark of a column's pictures; real records carry none."""
    if not column.traits.synthetic:
        return None
    return SyntheticStamp(model=column.model or "unknown", seed=seed, recipe=column.recipe or column.name)


def _written(pixels: np.ndarray, stamp: SyntheticStamp | None, fps: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        if pixels.ndim == 3:
            path = Path(folder) / "grid.png"
            write_image(path, pixels, stamp)
        else:
            path = Path(folder) / "grid.mp4"
            write_video(path, pixels, fps, stamp)
        return path.read_bytes()
