"""Frame folders: the pictures of one folder are the frames of one clip."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.sources.names import natural
from diorama.media.image import read_image
from diorama.media.limits import Limits

_LAST_NUMBER = re.compile(r"(.*?)(\d+(?:\.\d+)?)(\D*)")


@dataclass(frozen=True)
class FrameFile:
    """One frame: its path, which gives its place in the clip, and its content."""

    path: str
    content: Callable[[], bytes]


def numbering_notes(paths: Sequence[str]) -> tuple[str, ...]:
    """What is odd about the names of a clip's frames: numbers that are missing, several series in one folder."""
    stems = [path.rpartition("/")[2].rpartition(".")[0] for path in paths]
    found = [match for stem in stems if (match := _LAST_NUMBER.fullmatch(stem))]
    series = sorted({(match[1], match[3]) for match in found})
    if len(found) < len(stems):
        return ()
    if len(series) > 1:
        return ("frames of several series in one folder (by what stands beside their numbers), read one after another",)
    if any("." in match[2] for match in found):
        return ()  # times, whose steps may be anything
    numbers = sorted({int(match[2]) for match in found})
    steps = Counter(after - before for before, after in pairwise(numbers))
    # Every second or tenth frame may have been kept on purpose; what is missing breaks the commonest step.
    usual = max(steps, key=lambda step: (steps[step], -step), default=1)
    missing = any(step > usual for step in steps)
    return ("numbers are missing among its frames, which were read as if none were",) if missing else ()


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
