"""The factors of scene *i* of seed *s*: a function of the two numbers, whatever is drawn beside it."""

from __future__ import annotations

import numpy as np
import torch

from diorama.core.rng import philox
from diorama.data.synthetic.geometry import EXTENTS, RADII, SHAPES, SIZES, TEXTURES
from diorama.data.synthetic.motion import GRAVITY
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS
from diorama.data.synthetic.scene import LAWS, MOST_OBJECTS, Factors

_COUNT_ODDS = (0.5, 0.8)
"""Below the first, one object; below the second, two; else three."""

_ARRANGEMENTS = 16
"""Placements tried for a scene; the first that is roomy enough is taken, else the roomiest."""

_ROOMY = 0.58
"""Smallest distance of two centres, in sums of their radii, that keeps well over half of each object in sight."""

_SPEEDS = (0.02, 0.05)
"""Slowest and fastest speed, in sides per frame."""

_BLOCKS = 32
_STREAM = 2  # beside the streams of core.rng, so that no sample's noise repeats a scene's draws


def _uniforms(indices: np.ndarray, seed: int) -> np.ndarray:
    """(n, 128) float64 in [0, 1)."""
    scenes = torch.as_tensor(np.asarray(indices, dtype=np.int64))[:, None]
    blocks = torch.arange(_BLOCKS, dtype=torch.int64)[None, :]
    place = torch.zeros((), dtype=torch.int64)
    words = philox((blocks, scenes, place, place + _STREAM), (seed & 0xFFFFFFFF, seed >> 32))
    bits = torch.stack(words, dim=-1).reshape(len(scenes), -1)  # (n, 32 blocks of 4 words)
    return bits.numpy() / 2.0**32


class _Stream:
    """Hands out the columns of a table of uniforms, in order."""

    def __init__(self, table: np.ndarray) -> None:
        self.table, self.used = table, 0

    def take(self, *shape: int) -> np.ndarray:
        first, self.used = self.used, self.used + int(np.prod(shape))
        return self.table[:, first : self.used].reshape(-1, *shape)

    def choose(self, options: int, *shape: int) -> np.ndarray:
        return np.floor(self.take(*shape) * options).astype(np.int64)


def _arrange(places: np.ndarray, reach: np.ndarray, radius: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Centres (n, 3, 2) that keep objects inside the walls and mostly clear of one another."""
    tried = reach[:, None] + places * (1 - 2 * reach[:, None])  # (n, tries, 3, 2)
    room = np.full(tried.shape[:2], np.inf)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        distance = np.hypot(*np.moveaxis(tried[:, :, a] - tried[:, :, b], -1, 0))
        ratio = distance / (radius[:, a] + radius[:, b])[:, None]
        room = np.minimum(room, np.where((present[:, a] & present[:, b])[:, None], ratio, np.inf))
    roomy = room >= _ROOMY
    chosen = np.where(roomy.any(axis=1), roomy.argmax(axis=1), room.argmax(axis=1))
    return tried[np.arange(len(tried)), chosen]


def _velocities(draws: np.ndarray, position: np.ndarray, reach: np.ndarray, law: np.ndarray) -> np.ndarray:
    """First velocities (n, 3, 2); under gravity the height's energy is kept below the ceiling."""
    angle, quick, lift = np.moveaxis(draws, -1, 0)
    speed = _SPEEDS[0] + (_SPEEDS[1] - _SPEEDS[0]) * quick
    turn = 2 * np.pi * angle
    straight = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * speed[..., None]
    clearance = np.maximum(position[..., 1] - reach[..., 1], 0)  # (n, 3)
    sideways = np.where(angle < 0.5, -speed, speed)
    falling = np.stack([sideways, -np.sqrt(2 * GRAVITY * clearance) * lift], axis=-1)
    return np.where((law == LAWS.index("gravity"))[:, None, None], falling, straight)


def draw_factors(indices: np.ndarray, seed: int) -> Factors:
    """The factors of scenes.

    Args:
        indices: (n,) integers in [0, 2^32).
        seed: of the world, in [0, 2^64).

    Returns:
        Factors of n scenes; row *i* depends on ``indices[i]`` and ``seed`` alone.
    """
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"seed must be in [0, 2^64), got {seed}")
    # The order of the draws is part of what scene i of a seed is: a new factor draws after all others.
    stream = _Stream(_uniforms(indices, seed))
    crowd = stream.take(1)[:, 0]
    count = 1 + (crowd >= _COUNT_ODDS[0]).astype(np.int64) + (crowd >= _COUNT_ODDS[1])
    colour = np.argsort(stream.take(len(COLOURS)), axis=1, kind="stable")[:, :MOST_OBJECTS]
    shape = stream.choose(len(SHAPES), MOST_OBJECTS)
    size = stream.choose(len(SIZES), MOST_OBJECTS)
    texture = stream.choose(len(TEXTURES), MOST_OBJECTS)
    background = stream.choose(len(BACKGROUNDS), 1)[:, 0]
    law = stream.choose(len(LAWS), 1)[:, 0]
    motion = stream.take(MOST_OBJECTS, 3)
    radius = RADII[size].astype(np.float64)  # (n, 3)
    reach = EXTENTS[shape] * radius[..., None]  # (n, 3, 2)
    present = np.arange(MOST_OBJECTS)[None, :] < count[:, None]
    position = _arrange(stream.take(_ARRANGEMENTS, MOST_OBJECTS, 2), reach, radius, present)
    velocity = _velocities(motion, position, reach, law)
    return Factors(
        background=background,
        law=law,
        count=count,
        shape=shape,
        size=size,
        colour=colour,
        texture=texture,
        position=position.astype(np.float32),
        velocity=velocity.astype(np.float32),
    )
