"""Sample grids written while training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from diorama.media.convert import to_uint8
from diorama.media.grid import grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import write_video
from diorama.synthesis.store import model_hash
from diorama.training.view import ModelView

_PICTURES, _CLIPS = 64, 16
_FPS = 8.0
"""Of clips whose data have no clock."""


def write_preview(view: ModelView, folder: Path, number: int, *, recipe: str, seed: int) -> Path:
    """Draw the same samples as every time and write them as a grid, ``NNN.png``, or ``NNN.mp4`` for clips.

    Args:
        view: refreshed.
        folder: where previews lie.
        number: of this one; it replaces an older preview of that number.
        recipe: the recipe's name, for the stamp.
        seed: of the samples.

    Returns:
        The file.
    """
    stamp = SyntheticStamp(model=model_hash(view.model), seed=seed, recipe=recipe)
    media = view.config.media
    count = _PICTURES if media.kind == "image" else _CLIPS
    drawn = to_uint8(torch.cat(list(view.samples(count, seed=seed)))).cpu()
    drawn = _in_colour(drawn)
    if media.kind == "image":
        path = folder / f"{number:03d}.png"
        write_image(path, grid(drawn.permute(0, 2, 3, 1).numpy()), stamp)
        return path
    path = folder / f"{number:03d}.mp4"
    moments = drawn.permute(2, 0, 3, 4, 1).numpy()  # (t, n, h, w, c)
    write_video(path, np.stack([grid(pictures) for pictures in moments]), media.fps or _FPS, stamp)
    return path


def _in_colour(drawn: torch.Tensor) -> torch.Tensor:
    """Grey or colour: of other numbers of channels the first is shown."""
    return drawn if drawn.shape[1] in (1, 3) else drawn[:, :1]
