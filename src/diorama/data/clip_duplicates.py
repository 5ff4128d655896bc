"""Clips that show the same: recompressed, brightened, mirrored, begun some frames later, or at twice the rate.

What tells clips of one scene apart is what moves in them, and that may be small: a disc on a black ground, an arm in
front of a wall. So two clips agree where, frame by frame, both what they show and *how it changes* agree:

- *What they show*: the difference of the frames, each less its mean colour, is small beside the contrast of the frames.
- *How it changes*: the difference of the frames less their mean over time is small beside that change. What stands
  still drops out, and what moves counts alone.

First, four frames of every clip, as they are and mirrored, are looked up among all frames of all clips at 8 x 8 colours
(:mod:`diorama.data.frame_index`). Each that is found says how the two clips may lie in time; if the other frames that
both have agree at 8 x 8 as well, the stored pixels are read and must agree at 32 x 32.

Where two clips differ by a little too much to be sure, or share too few frames, the clips that were cut from their
files before and after them are compared as well, and decide (:class:`_Files`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from diorama.data.frame_index import FrameIndex
from diorama.data.workers import in_order

RATES = (1, 2)
"""Frames of one clip for each frame of the other."""

SHARED = 0.5
"""Frames that both clips must have, as a share of a clip."""

FRAME_DISTANCE, FRAME_SHARE = 6.0, 0.5
"""Frames are near up to this root mean square difference, of 255, and up to this share of the contrast of either."""

SIDE = 32
"""Pixels to a side at which clips are compared in the end."""

TELLING = 8
"""If two clips share fewer frames, these do not decide alone; clips that are shorter must share all their frames."""

_PLAIN = 1.0
_STILL = 1.0
_ANCHORS = (0.125, 0.375, 0.625, 0.875)
_PROBED = 4
_VOTES = 2
_TRIED = 2
_TESTED_AT_ONCE = 512
_PAIRS_AT_ONCE = 64
_CLIPS_HELD = 1024
_AROUND = 32


@dataclass(frozen=True)
class Tolerance:
    """How much two clips that show the same may differ, root mean squares.

    Args:
        shown: of the frames, as a share of their contrast.
        changes: of the changes over time, as a share of these.
    """

    shown: float
    changes: float


COARSE = Tolerance(shown=0.5, changes=0.75)
"""At 8 x 8 colours, where few pairs are left to be read."""


def fine(shared: int) -> Tolerance:
    """At 32 x 32 colours, which decides.

    The fewer frames two clips share, the likelier they agree by chance: two small discs cross at one place in many
    pairs of clips, and stay together for 30 frames in none.

    Args:
        shared: frames that both have.
    """
    return Tolerance(shown=min(0.4, 0.14 + 0.01 * shared), changes=0.6)


def joined(shared: int) -> Tolerance:
    """At 32 x 32 colours, of all that two files have around two clips.

    Wider than :func:`fine`: of the many clips cut from a file some look like others by chance, but then what comes
    before and after them does not.

    Args:
        shared: frames that both files have.
    """
    return Tolerance(shown=min(0.41, 0.2 + 0.01 * shared), changes=0.6)


DOUBTFUL = Tolerance(shown=0.5, changes=1.0)
"""At 32 x 32 colours, up to which more of the files is looked at."""


ALIGNMENT = np.dtype([("one", "i8"), ("two", "i8"), ("mirrored", "?"), ("first", "i8"), ("rate", "i8")])
"""How two clips may lie in time: frame ``first + rate * t`` of ``two`` beside frame ``t`` of ``one``, which is mirrored
or not."""

Floats = TypeVar("Floats", np.float16, np.float32)


def near_clips(
    found: NDArray[np.uint8],
    items: NDArray[np.intp],
    places: NDArray[np.intp],
    pixels: Callable[[int], NDArray[np.uint8]],
) -> NDArray[np.intp]:
    """Pairs of clips that show the same.

    Args:
        found: (n, t, 8, 8, 3) signatures, from :func:`diorama.data.duplicates.signatures`.
        items: (n,) what each was made from: clips of one item are not compared.
        places: (n,) which of the clips of its item each is, counted in the order of time.
        pixels: gives a clip at 32 x 32 colours, (t, 32, 32, 3); called from several threads.

    Returns:
        (m, 2), the smaller number first, in rising order.
    """
    if not len(found):
        return np.zeros((0, 2), np.intp)
    frames = np.stack([descriptors(clip).astype(np.float16) for clip in found])  # (n, t, 192)
    candidates = _candidates(frames, items)
    files = _Files(items, places, found.shape[1], lru_cache(maxsize=_CLIPS_HELD)(pixels))

    def confirmed(several: list[NDArray[np.void]]) -> list[tuple[int, int]]:
        """Pairs that agree in the stored pixels in one of the ways in which they may lie in time."""
        agreeing = (ways for ways in several if any(files.agree(way) for way in ways))
        return [(int(ways["one"][0]), int(ways["two"][0])) for ways in agreeing]

    # Ordered by clip, so that each is read about once.
    edges = np.flatnonzero(np.diff(candidates["one"]) | np.diff(candidates["two"])) + 1
    by_pair = np.split(candidates, edges) if len(candidates) else []
    lots = [by_pair[i : i + _PAIRS_AT_ONCE] for i in range(0, len(by_pair), _PAIRS_AT_ONCE)]
    agreed = [pair for lot in in_order(confirmed, lots, workers=os.cpu_count() or 1) for pair in lot]
    return np.unique(np.sort(np.array(agreed, np.intp).reshape(-1, 2), axis=1), axis=0)


def descriptors(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(…, d) of (…, s, s, 3): colours less their mean, so scaled that distances are root mean square differences."""
    values = frames.astype(np.float32)
    values -= values.mean((-3, -2), keepdims=True)
    flat = values.reshape(*values.shape[:-3], math.prod(values.shape[-3:]))
    return flat / np.float32(flat.shape[-1] ** 0.5)


def agree(
    one: NDArray[np.float32], two: NDArray[np.float32], shared: NDArray[np.bool_], tolerance: Tolerance
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Whether clips that lie side by side show the same.

    Args:
        one: (k, t, d) descriptors.
        two: (k, t, d) descriptors.
        shared: (k, t) the frames that both have.
        tolerance: how much they may differ.

    Returns:
        (k,) whether, and (k,) the root mean square difference.
    """
    mask = shared[..., None].astype(np.float32)
    counts = np.maximum(shared.sum(1), 1).astype(np.float32)

    def size(values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Root mean square over the shared frames."""
        kept = values * mask
        return np.sqrt(np.einsum("ktd,ktd->k", kept, kept) / counts)

    def change(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return values - (values * mask).sum(1, keepdims=True) / counts[:, None, None]

    difference = one - two
    shown = size(difference)
    contrast = np.minimum(size(one), size(two))
    moved = np.minimum(size(change(one)), size(change(two)))
    # A clip that stands still changes by the noise of its compression alone, which is not to be compared.
    near = shared.any(1) & (shown <= tolerance.shown * contrast)
    near &= size(change(difference)) <= np.maximum(tolerance.changes * moved, _STILL)
    return near, shown


def _candidates(frames: NDArray[np.float16], items: NDArray[np.intp]) -> NDArray[np.void]:
    """Ways in which pairs of clips may lie in time and agree at 8 x 8 colours, ordered by pair and difference."""
    lots = (
        hits[i : i + _TESTED_AT_ONCE] for hits in _hits(frames, items) for i in range(0, len(hits), _TESTED_AT_ONCE)
    )
    kept, differences = [np.zeros(0, ALIGNMENT)], [np.zeros(0, np.float32)]
    for some, difference in in_order(lambda lot: _agreeing(frames, lot), lots, workers=os.cpu_count() or 1):
        kept.append(some)
        differences.append(difference)
    together = np.concatenate(kept)
    together = together[np.lexsort((np.concatenate(differences), together["two"], together["one"]))]
    pairs = together["one"] * len(frames) + together["two"]
    found: NDArray[np.void] = together[np.arange(len(pairs)) - np.searchsorted(pairs, pairs) < _TRIED]
    return found


def _hits(frames: NDArray[np.float16], items: NDArray[np.intp]) -> Iterator[NDArray[np.void]]:
    """How clips may lie in time, by two and more of their frames that are near to one another."""
    clips, length = frames.shape[:2]
    flat = frames.reshape(clips * length, -1)
    contrast = np.concatenate([_size(part) for part in frames])
    bounds = np.minimum(FRAME_DISTANCE, FRAME_SHARE * contrast).astype(np.float32)
    # Frames of one colour are near to all others of one colour, and say nothing.
    told = np.flatnonzero(contrast >= _PLAIN)
    anchors = np.unique((np.array(_ANCHORS) * length).astype(int))
    asking = (np.arange(clips)[:, None] * length + anchors).ravel()
    asking = asking[contrast[asking] >= _PLAIN]
    if not len(asking):
        return
    owners = np.repeat(items, length)
    index = FrameIndex(flat[told], owners[told], bounds[told])
    for mirror in (False, True):
        queries = _mirrored(flat[asking]) if mirror else flat[asking]
        rows, columns = index.nearest(queries, owners[asking], bounds[asking])
        one, start = np.divmod(asking[rows], length)
        two, other = np.divmod(told[columns], length)
        for rate in RATES:
            pairs = np.concatenate([one * clips + two, two * clips + one])
            first = np.concatenate([other - rate * start, start - rate * other])
            yield _voted(pairs, first, clips, mirror, rate)


def _voted(pairs: NDArray[np.intp], first: NDArray[np.intp], clips: int, mirror: bool, rate: int) -> NDArray[np.void]:
    """Alignments that several frames speak for, each once."""
    if rate == 1:  # both orders of a pair say the same
        pairs, first = (values[pairs // clips < pairs % clips] for values in (pairs, first))
    low = int(first.min(initial=0))
    span = int(first.max(initial=0)) - low + 1
    names, votes = np.unique(pairs.astype(np.int64) * span + (first - low), return_counts=True)
    pairs, first = np.divmod(names[votes >= _VOTES], span)
    found = np.zeros(len(pairs), ALIGNMENT)
    found["one"], found["two"], found["first"] = pairs // clips, pairs % clips, first + low
    found["mirrored"], found["rate"] = mirror, rate
    return found


def _agreeing(frames: NDArray[np.float16], some: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Those of some alignments that agree at 8 x 8 colours, and by how much they differ."""
    length = frames.shape[1]
    for probed in (_PROBED, length):  # most differ already in a few of the frames
        times, other, shared = _shared(some, length)
        if probed < length:
            chosen = _some_of(shared, probed)
            times, other = (np.take_along_axis(values, chosen, axis=1) for values in (times, other))
            shared = np.take_along_axis(shared, chosen, axis=1)
        one = frames[some["one"][:, None], times].astype(np.float32)
        one = np.where(some["mirrored"][:, None, None], _mirrored(one), one)
        near, difference = agree(one, frames[some["two"][:, None], other].astype(np.float32), shared, COARSE)
        some = some[near]
    return some, difference[near]


def _some_of(shared: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """(k, count) places of shared frames, at equal steps; of others where fewer are shared."""
    ranks = np.cumsum(shared, axis=1) - 1
    steps = (ranks * (count - 1)) // np.maximum(shared.sum(1, keepdims=True) - 1, 1)
    chosen = shared & (np.diff(steps, axis=1, prepend=-1) > 0)
    return np.argsort(~chosen, axis=1, kind="stable")[:, :count]


def _mirrored(values: NDArray[Floats]) -> NDArray[Floats]:
    """(…, s * s * 3) descriptors of mirrored frames."""
    side = math.isqrt(values.shape[-1] // 3)
    turned = values.reshape(*values.shape[:-1], side, side, 3)[..., ::-1, :]
    return turned.reshape(values.shape)


def _size(values: NDArray[np.float16]) -> NDArray[np.float32]:
    wide = values.astype(np.float32)
    return np.sqrt(np.einsum("td,td->t", wide, wide))


def _shared(some: NDArray[np.void], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """(k, t) frames of the first clips, of the second, and whether both have them; nowhere where they share too few."""
    times = np.tile(np.arange(length), (len(some), 1))
    other = some["first"][:, None] + some["rate"][:, None] * times
    shared = (other >= 0) & (other < length)
    shared &= shared.sum(1, keepdims=True) >= max(min(4, length), math.ceil(SHARED * length))
    return times, other.clip(0, length - 1), shared


class _Files:
    """What clips were cut from, for judging two of them by more than their own frames.

    Clips of one file are assumed to lie end to end. Where they do not, the clips around two that show the same seem to
    differ, so that only their own frames can show that they are the same.

    Args:
        items: (n,) the file of each clip.
        places: (n,) which of the clips of its file each is.
        length: frames of a clip.
        pixels: gives a clip at 32 x 32 colours.
    """

    def __init__(
        self,
        items: NDArray[np.intp],
        places: NDArray[np.intp],
        length: int,
        pixels: Callable[[int], NDArray[np.uint8]],
    ) -> None:
        self._items, self._places, self._length, self._pixels = items, places, length, pixels
        self._numbers = {
            (int(item), int(place)): number for number, (item, place) in enumerate(zip(items, places, strict=True))
        }

    def agree(self, way: np.void) -> bool:
        """Whether two clips that may lie in time in some way agree at 32 x 32 colours."""
        one, two = self._beside(way, around=0)
        shared = len(one)
        if shared >= min(TELLING, self._length) and _agree_in_full(one, two, fine(shared)):
            return True
        if not _agree_in_full(one, two, DOUBTFUL):
            return False
        one, two = self._beside(way, around=max(1, _AROUND // self._length))
        return len(one) > shared and len(one) >= TELLING and _agree_in_full(one, two, joined(len(one)))

    def _beside(self, way: np.void, around: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(s, 32, 32, 3) the frames that both files have, of the first clip and of some clips before and after it."""
        item, other_item = (int(self._items[way[side]]) for side in ("one", "two"))
        middle, start = (int(self._places[way[side]]) for side in ("one", "two"))
        ones, twos = [], []
        for step in range(-around, around + 1):
            number = self._numbers.get((item, middle + step))
            if number is None:
                continue
            one = self._pixels(number)
            # Where its frames lie in the other file, counted from the first frame of the second clip.
            times = way["first"] + way["rate"] * (step * self._length + np.arange(self._length))
            for move in np.unique(times // self._length):
                other = self._numbers.get((other_item, start + int(move)))
                if other is None or (around == 0 and move != 0):
                    continue
                here = times // self._length == move
                ones.append(one[here])
                twos.append(self._pixels(other)[times[here] % self._length])
        together = np.concatenate(ones)
        return together[:, :, ::-1] if way["mirrored"] else together, np.concatenate(twos)


def _agree_in_full(one: NDArray[np.uint8], two: NDArray[np.uint8], tolerance: Tolerance) -> bool:
    """Whether (s, 32, 32, 3) frames that lie side by side show the same."""
    near, _ = agree(descriptors(one)[None], descriptors(two)[None], np.ones((1, len(one)), bool), tolerance)
    return bool(near[0])
