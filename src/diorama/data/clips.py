"""From frames with times to clips: of one length on a constant clock, or frame by frame as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.media.image import Frame
from diorama.media.picture import times_shown

WHOLE_FRAMES, DEFAULT_FRAMES = 64, 16
"""Without a wanted length, clips up to the first stay whole, and longer ones are cut to the second."""


def on_clock(frames: Iterable[Frame], fps: float) -> Iterator[NDArray[Any]]:
    """Frames nearest to the ticks of a constant clock.

    Args:
        frames: in the order of their times.
        fps: ticks a second; the first tick is at 0, the last at most half a frame after the last frame.

    Yields:
        (h, w, c) for every tick; a frame comes twice where the source is slower than the clock.
    """
    tick, before, first = 0, None, 0.0
    count = 0
    for frame in frames:
        if before is None:
            first = frame.seconds
        else:
            while (time := first + tick / fps) < frame.seconds:
                # Of the two frames around a tick the nearer; the earlier one where it is as near.
                yield (before if time - before.seconds <= frame.seconds - time else frame).pixels
                tick += 1
        before, count = frame, count + 1
    if before is None:
        return
    # The last frame is shown for as long as a frame is shown on average, half of it on either side of its time.
    half = (before.seconds - first) / (count - 1) / 2 if count > 1 else 0.0
    while first + tick / fps <= before.seconds + half * (1 + 1e-6):
        yield before.pixels
        tick += 1


def frame_by_frame(frames: Iterable[Frame]) -> Iterator[NDArray[Any]]:
    """Every frame once, in order, whatever its time; of animated pictures as often as :func:`times_shown` says.

    Args:
        frames: in the order of their times.

    Yields:
        (h, w, c) for every frame.
    """
    waiting = iter(frames)
    first = next(waiting, None)
    if first is None:
        return
    if first.lasts is None:
        yield from (frame.pixels for frame in chain([first], waiting))
        return
    # What is usual is known when all have been seen; animated pictures are bounded by their decoder.
    shown = [first, *waiting]
    for frame, times in zip(shown, times_shown([frame.lasts or first.lasts for frame in shown]), strict=True):
        yield from repeat(frame.pixels, times)


def whole(frames: Iterable[NDArray[Any]], bytes_at_most: int) -> NDArray[Any] | None:
    """All frames as one clip, (t, h, w, c); ``None`` where they are more bytes than may be held."""
    gathered: list[NDArray[Any]] = []
    held = 0
    for frame in frames:
        gathered.append(frame)
        held += frame.nbytes
        if held > bytes_at_most:
            return None
    return _stacked(gathered)


def cut(frames: Iterable[NDArray[Any]], length: int | None, most: int) -> Iterator[NDArray[Any]]:
    """Clips end to end, the rest dropped.

    Args:
        frames: (h, w, c) each.
        length: frames of a clip; ``None`` keeps up to 64 frames as one clip and cuts longer ones to 16.
        most: clips at most.

    Yields:
        (length, h, w, c).
    """
    gathered: list[NDArray[Any]] = []
    made = 0
    for frame in frames:
        if made == most:
            return
        gathered.append(frame)
        # How long a clip is, is not known before it ends, so the decision falls on the way.
        if length is None and len(gathered) > WHOLE_FRAMES:
            length = DEFAULT_FRAMES
        while length is not None and len(gathered) >= length and made < most:
            yield _stacked(gathered[:length])
            gathered, made = gathered[length:], made + 1
    if length is None and gathered:
        yield _stacked(gathered)


def _stacked(frames: list[NDArray[Any]]) -> NDArray[Any]:
    shape, dtype = frames[0].shape, frames[0].dtype
    if any(frame.shape != shape or frame.dtype != dtype for frame in frames):
        raise ValueError("its frames differ in size or type")
    return np.stack(frames)
