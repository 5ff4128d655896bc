"""Frame folders: the pictures of one folder are the frames of one clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.sources.names import natural
from diorama.media.image import read_image
from diorama.media.limits import Limits


@dataclass(frozen=True)
class FrameFile:
    """One frame: its path, which gives its place in the clip, and its content."""

    path: str
    content: Callable[[], bytes]


def folder_frames(files: Sequence[FrameFile], folder: str, limits: Limits) -> np.ndarray:
    """The frames in the order of the numbers in their names.

    Returns:
        (t, h, w, c) in stored units.

    Raises:
        BadInput: a frame is broken or unlike the first, or all together are more than ``limits.stack_pixels``.
    """
    ordered = sorted(files, key=lambda file: natural(file.path))
    first = read_image(ordered[0].content(), ordered[0].path, limits).pixels
    height, width = first.shape[:2]
    # Before memory is taken for all of them: the first says what they come to.
    if len(ordered) * height * width > limits.stack_pixels:
        raise BadInput(f"{folder}: {len(ordered)} frames of {width} x {height} pixels are too many for one clip")
    clip = np.empty((len(ordered), *first.shape), first.dtype)
    clip[0] = first
    for index, file in enumerate(ordered[1:], 1):
        pixels = read_image(file.content(), file.path, limits).pixels
        if pixels.shape != first.shape or pixels.dtype != first.dtype:
            raise BadInput(
                f"{file.path}: {pixels.dtype} {pixels.shape}, unlike the first frame's {first.dtype} {first.shape}"
            )
        clip[index] = pixels
    return clip
