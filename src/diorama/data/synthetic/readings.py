"""What the reader says of pixels. ``None`` means that it abstains."""

from __future__ import annotations

from dataclasses import dataclass

from diorama.data.synthetic.geometry import SHAPES, SIZES
from diorama.data.synthetic.palette import COLOURS
from diorama.data.synthetic.scene import PLACES, place_of

MODES: tuple[str, ...] = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""The finite set of modes: colour by shape of a picture's main object, 64 in all and equally likely in the world."""


@dataclass(frozen=True, kw_only=True)
class ObjectReading:
    """One object as read.

    Args:
        colour: of the palette's names; an object is found by its colour, so this is always known.
        shape: name or ``None``.
        size: name or ``None``.
        texture: name or ``None``.
        x: centre of its bounding box from the left, as a share of the side, or ``None`` (together with ``y``).
        y: the same from the top.
        visible: estimated share of its area in sight, in [0, 1]; ``None`` without shape and size.
        error: squared difference between the seen and the fitted outline, a pixel of outline; 0 is perfect.
    """

    colour: str
    shape: str | None
    size: str | None
    texture: str | None
    x: float | None
    y: float | None
    visible: float | None
    error: float

    @property
    def place(self) -> str | None:
        """Its third-by-third place, of :data:`PLACES`."""
        return None if self.x is None or self.y is None else PLACES[int(place_of(self.x, self.y))]


@dataclass(frozen=True, kw_only=True)
class SceneReading:
    """One picture as read.

    Args:
        background: name or ``None``.
        objects: those found, from left to right; those whose place is unknown come last.
        count: how many there are, or ``None`` when some part of the picture is not explained.
        explained: share of the pixels that background and objects account for, in [0, 1].
    """

    background: str | None
    objects: tuple[ObjectReading, ...]
    count: int | None
    explained: float

    @property
    def main(self) -> ObjectReading | None:
        """The largest object, of several the leftmost; ``None`` when a size is unknown or nothing was found."""
        if not self.objects or self.count is None:
            return None
        if any(thing.size is None or thing.x is None for thing in self.objects):
            return None
        return max(self.objects, key=lambda thing: SIZES.index(thing.size or "") - (thing.x or 0.0) / 2)


def mode_of(reading: SceneReading) -> int | None:
    """Index into :data:`MODES` of the picture's main object, ``None`` where the reader abstains."""
    main = reading.main
    if main is None or main.shape is None:
        return None
    return COLOURS.index(main.colour) * len(SHAPES) + SHAPES.index(main.shape)


@dataclass(frozen=True, kw_only=True)
class TrackReading:
    """One object followed through a clip.

    Args:
        colour: of the palette's names.
        shape: read most often, or ``None`` when never read.
        size: likewise.
        texture: likewise.
        path: one centre (x, y) a frame in shares of the side, ``None`` where it is not read.
        seen: share of the frames in which the object is found.
        constancy: share of the shapes, sizes and textures read that agree with those read most often, in [0, 1].
        permanence: constancy times the share of frames in which it is found or another object may hide it.
    """

    colour: str
    shape: str | None
    size: str | None
    texture: str | None
    path: tuple[tuple[float, float] | None, ...]
    seen: float
    constancy: float
    permanence: float


@dataclass(frozen=True, kw_only=True)
class ClipReading:
    """One clip as read.

    Args:
        frames: one reading a frame.
        tracks: objects through time, in the order in which they appear.
        background: read most often, or ``None``.
        count: of objects, read most often, or ``None``.
        law: the law of motion that the paths follow better, or ``None`` when too little is seen.
        lawfulness: share of the accelerations away from the walls that agree with that law, in [0, 1].
        permanence: mean of the tracks' permanence, in [0, 1]; ``None`` without objects.
    """

    frames: tuple[SceneReading, ...]
    tracks: tuple[TrackReading, ...]
    background: str | None
    count: int | None
    law: str | None
    lawfulness: float | None
    permanence: float | None
