"""What is true of a picture or clip of the built-in world: as arrays for many, as typed records for one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diorama.data.synthetic.geometry import RADII, SHAPES, SIZES, TEXTURES
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS

MOST_OBJECTS = 3
"""Objects of the fullest scene."""

LAWS = ("bounce", "gravity")
"""Laws of motion: constant velocity between elastic walls, or free fall on an elastic floor."""

PLACES = (
    "at the top left",
    "at the top",
    "at the top right",
    "on the left",
    "in the centre",
    "on the right",
    "at the bottom left",
    "at the bottom",
    "at the bottom right",
)
"""The nine thirds-by-thirds places of a centre, row by row."""


def place_of(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """Index into :data:`PLACES` of centres given in shares of the picture's side."""
    column, row = (np.clip(np.floor(np.asarray(p) * 3), 0, 2).astype(np.int64) for p in (x, y))
    return row * 3 + column


@dataclass(frozen=True, kw_only=True)
class WorldObject:
    """One object.

    Args:
        shape: of :data:`SHAPES`.
        colour: of :data:`COLOURS`; no two objects of a scene share one.
        size: of :data:`SIZES`.
        texture: of :data:`TEXTURES`.
        x: centre of its bounding box from the left, as a share of the picture's side.
        y: the same from the top.
        velocity: (x, y) in sides per frame at the first frame; (0, 0) in pictures.
        visible: share of its area that no other object hides, in [0, 1], in the first frame.
    """

    shape: str
    colour: str
    size: str
    texture: str
    x: float
    y: float
    velocity: tuple[float, float] = (0.0, 0.0)
    visible: float = 1.0

    @property
    def place(self) -> str:
        """Its third-by-third place, of :data:`PLACES`."""
        return PLACES[int(place_of(self.x, self.y))]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture's or clip's truth.

    Args:
        background: of :data:`BACKGROUNDS`.
        objects: one to three, from the back to the front.
        law: of :data:`LAWS` for clips, ``None`` for pictures.
    """

    background: str
    objects: tuple[WorldObject, ...]
    law: str | None = None


@dataclass(frozen=True)
class Factors:
    """The truth of *n* scenes, slot by slot from the back to the front; slots from ``count`` on are unused.

    Args:
        background: (n,) int64 into :data:`BACKGROUNDS`.
        law: (n,) int64 into :data:`LAWS`.
        count: (n,) int64, 1 to 3.
        shape: (n, 3) int64 into :data:`SHAPES`.
        size: (n, 3) int64 into :data:`SIZES`.
        colour: (n, 3) int64 into :data:`COLOURS`.
        texture: (n, 3) int64 into :data:`TEXTURES`.
        position: (n, 3, 2) float32, centres (x, y) in shares of the side, in the first frame.
        velocity: (n, 3, 2) float32, sides per frame in the first frame.
    """

    background: np.ndarray
    law: np.ndarray
    count: np.ndarray
    shape: np.ndarray
    size: np.ndarray
    colour: np.ndarray
    texture: np.ndarray
    position: np.ndarray
    velocity: np.ndarray

    def __len__(self) -> int:
        return len(self.background)

    @property
    def present(self) -> np.ndarray:
        """(n, 3) bool, True where a slot holds an object."""
        return np.arange(MOST_OBJECTS)[None, :] < self.count[:, None]

    @property
    def radius(self) -> np.ndarray:
        """(n, 3) float32, in shares of the side."""
        return RADII[self.size]

    def main(self) -> np.ndarray:
        """(n,) int64 slot of each scene's main object: the largest, of several the leftmost."""
        return main_slot(self.size, self.position[..., 0], self.present)

    def scenes(self, *, video: bool, visible: np.ndarray | None = None) -> list[Scene]:
        """Typed records, one a scene; ``visible`` is (n, 3) as the renderer reports it."""
        shown = np.ones(self.shape.shape) if visible is None else visible
        return [
            Scene(
                background=BACKGROUNDS[self.background[row]],
                law=LAWS[self.law[row]] if video else None,
                objects=tuple(self._record(row, slot, video, shown[row, slot]) for slot in range(self.count[row])),
            )
            for row in range(len(self))
        ]

    def _record(self, row: int, slot: int, video: bool, visible: float) -> WorldObject:
        x, y = self.position[row, slot].tolist()
        across, down = self.velocity[row, slot].tolist()
        return WorldObject(
            shape=SHAPES[self.shape[row, slot]],
            colour=COLOURS[self.colour[row, slot]],
            size=SIZES[self.size[row, slot]],
            texture=TEXTURES[self.texture[row, slot]],
            x=x,
            y=y,
            velocity=(across, down) if video else (0.0, 0.0),
            visible=float(visible),
        )


def main_slot(size: np.ndarray, x: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The main object among slots: of the largest size, and of several the leftmost.

    Args:
        size: (..., k) sizes, larger is larger.
        x: (..., k) centres in [0, 1].
        present: (..., k) bool; at least one per row.

    Returns:
        (...) int64 slots.
    """
    return np.argmax(np.where(present, size - x / 2, -np.inf), axis=-1)
