"""The factor reader for clips: objects followed through time, their permanence and their law of motion."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.synthetic.geometry import EXTENTS, RADII, SHAPES, SIZES
from diorama.data.synthetic.motion import GRAVITY
from diorama.data.synthetic.reader import read_factors
from diorama.data.synthetic.readings import ClipReading, ObjectReading, SceneReading, TrackReading

_LEAP = 0.2
"""Sides a frame beyond which two objects of one colour are not the same one; the world's fastest fall is 0.12."""

_TOLERANCE = 0.01
"""Sides per frame per frame by which an acceleration may miss its law: a third of a pixel at 32."""

_LEAST_EVIDENCE = 3
"""Accelerations without which no law is named."""

T = TypeVar("T")
Sighting = ObjectReading | None


def read_clips(clips: np.ndarray) -> list[ClipReading]:
    """Read clips.

    Args:
        clips: (n, t, s, s, 3) uint8 with s at least 32.

    Returns:
        n readings.

    Raises:
        BadInput: another type or shape, or less than 32 pixels a side.
    """
    if clips.ndim != 5:
        raise BadInput(f"the factor reader reads clips (n, t, s, s, 3), got {clips.shape}")
    count, length = clips.shape[:2]
    frames = read_factors(clips.reshape(count * length, *clips.shape[2:]))
    return [link(frames[first : first + length]) for first in range(0, count * length, length)]


def read_clip(clip: np.ndarray) -> ClipReading:
    """Read one clip (t, s, s, 3) uint8; see :func:`read_clips`."""
    return read_clips(clip[None])[0]


def link(frames: Sequence[SceneReading]) -> ClipReading:
    """Link the readings of a clip's frames into tracks and judge their motion."""
    sightings = _follow(frames)
    tracks = tuple(_track(path, frames) for path in sightings)
    law, lawfulness = _law(tracks)
    return ClipReading(
        frames=tuple(frames),
        tracks=tracks,
        background=_usual(frame.background for frame in frames),
        count=_usual(frame.count for frame in frames),
        law=law,
        lawfulness=lawfulness,
        permanence=sum(track.permanence for track in tracks) / len(tracks) if tracks else None,
    )


def _usual(readings: Iterable[T | None]) -> T | None:
    """What is read most often, abstentions (``None``) not counted."""
    counts = Counter(value for value in readings if value is not None)
    return counts.most_common(1)[0][0] if counts else None


def _distance(a: ObjectReading, b: ObjectReading) -> float:
    """Between two centres; 0 when one is unknown, since then nothing speaks against their being one object."""
    if a.x is None or a.y is None or b.x is None or b.y is None:
        return 0.0
    return math.hypot(a.x - b.x, a.y - b.y)


def _follow(frames: Sequence[SceneReading]) -> list[list[Sighting]]:
    """Tracks as one sighting a frame: each object goes on the nearest track of its colour."""
    tracks: list[list[Sighting]] = []
    last: list[tuple[int, ObjectReading]] = []
    for number, frame in enumerate(frames):
        taken: set[int] = set()
        for thing in frame.objects:
            near = [
                (distance, i)
                for i, (when, before) in enumerate(last)
                if i not in taken
                and before.colour == thing.colour
                and (distance := _distance(thing, before)) <= _LEAP * (number - when)
            ]
            if near:
                chosen = min(near)[1]
            else:
                chosen = len(tracks)
                tracks.append([None] * len(frames))
                last.append((number, thing))
            tracks[chosen][number] = thing
            taken.add(chosen)
            if thing.x is not None:
                last[chosen] = (number, thing)
    return tracks


def _track(sightings: list[Sighting], frames: Sequence[SceneReading]) -> TrackReading:
    found = [thing for thing in sightings if thing is not None]
    read, agree = 0, 0
    usual = {}
    for factor in ("shape", "size", "texture"):
        values = [value for thing in found if (value := getattr(thing, factor)) is not None]
        usual[factor] = _usual(values)
        read += len(values)
        agree += sum(value == usual[factor] for value in values)
    own = float(RADII[SIZES.index(usual["size"])]) if usual["size"] else 0.0
    path = tuple(None if t is None or t.x is None or t.y is None else (t.x, t.y) for t in sightings)
    constancy = agree / read if read else 0.0
    there = sum(
        thing is not None or _hidden(number, path, own, frames[number], found[0].colour)
        for number, thing in enumerate(sightings)
    )
    return TrackReading(
        colour=found[0].colour,
        shape=usual["shape"],
        size=usual["size"],
        texture=usual["texture"],
        path=path,
        seen=len(found) / len(frames),
        constancy=constancy,
        permanence=constancy * there / len(frames),
    )


def _hidden(
    number: int, path: Sequence[tuple[float, float] | None], own: float, frame: SceneReading, colour: str
) -> bool:
    """Whether most of an object must lie under another, where its frames before and after put it."""
    known = [(i, place) for i, place in enumerate(path) if place is not None]
    if not known:
        return False
    times = [i for i, _ in known]
    x, y = (float(np.interp(number, times, [place[axis] for _, place in known])) for axis in (0, 1))
    for other in frame.objects:
        if other.colour == colour or other.x is None or other.y is None or other.size is None:
            continue
        if math.hypot(other.x - x, other.y - y) <= RADII[SIZES.index(other.size)] + own / 2:
            return True
    return False


def _accelerations(track: TrackReading) -> np.ndarray:
    """(m, 2) second differences of the path wherever no wall can have turned it."""
    path = np.array([place or (np.nan, np.nan) for place in track.path])  # (t, 2), unknown places are NaN
    if len(path) < 3:
        return np.empty((0, 2))
    reach = EXTENTS[SHAPES.index(track.shape)] * RADII[SIZES.index(track.size)] if track.shape and track.size else 0.0
    moves = np.abs(np.diff(path, axis=0))  # (t - 1, 2)
    longest = np.maximum(moves[1:], moves[:-1])
    triples = np.stack([path[:-2], path[1:-1], path[2:]])  # (3, t - 2, 2)
    # Between two frames an object may have been at most one move beyond where it is seen.
    clear = (triples.min(axis=0) - longest > reach) & (triples.max(axis=0) + longest < 1 - reach)
    second = path[2:] - 2 * path[1:-1] + path[:-2]
    return np.where(clear, second, np.nan)


def _law(tracks: Sequence[TrackReading]) -> tuple[str | None, float | None]:
    pulls = [_accelerations(track) for track in tracks]
    together = np.concatenate(pulls) if pulls else np.empty((0, 2))  # (m, 2) of all tracks
    down = together[:, 1][~np.isnan(together[:, 1])]
    if len(down) < _LEAST_EVIDENCE:
        return None, None
    law = "gravity" if np.median(down) > GRAVITY / 2 else "bounce"
    misses = np.abs(together - np.array([0.0, GRAVITY if law == "gravity" else 0.0]))
    known = ~np.isnan(misses)
    return law, float((misses[known] <= _TOLERANCE).mean())
