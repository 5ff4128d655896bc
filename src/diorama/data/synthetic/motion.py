"""The world's two laws of motion in closed form, so that any frame is reached without the ones before it.

Objects pass over one another; only the walls of the picture turn them. *Bounce*: constant velocity, elastic
walls. *Gravity*: the same sideways, and free fall with an elastic floor downwards, never reaching the ceiling.
"""

from __future__ import annotations

import numpy as np

from diorama.data.synthetic.geometry import EXTENTS
from diorama.data.synthetic.scene import LAWS, Factors

GRAVITY = 0.012
"""Downward acceleration, in sides per frame per frame."""


def _fold(place: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Reflect a straight path into [low, high]: the position of a ball between elastic walls."""
    span = high - low
    turn = np.mod(place - low, 2 * span)
    return low + np.minimum(turn, 2 * span - turn)


def _fall(start: np.ndarray, velocity: np.ndarray, floor: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Height coordinate (down is positive) of a ball on an elastic floor after ``time`` frames."""
    height = np.maximum(floor - start, 0)
    impact = np.sqrt(velocity**2 + 2 * GRAVITY * height)
    # Count time from the last touch of the floor, where the ball left with the speed of impact.
    since = (impact + velocity) / GRAVITY
    flight = 2 * impact / GRAVITY
    phase = np.mod(since + time, np.maximum(flight, 1e-9))
    return floor - (impact * phase - 0.5 * GRAVITY * phase**2)


def trajectories(factors: Factors, frames: int) -> np.ndarray:
    """Centres of every object in every frame.

    Args:
        factors: of n scenes.
        frames: t.

    Returns:
        (n, t, 3, 2) float32, (x, y) in shares of the picture's side.
    """
    reach = (EXTENTS[factors.shape] * factors.radius[..., None]).astype(np.float64)[:, None]  # (n, 1, 3, 2)
    start = factors.position.astype(np.float64)[:, None]
    velocity = factors.velocity.astype(np.float64)[:, None]
    time = np.arange(frames, dtype=np.float64)[None, :, None, None]
    straight = _fold(start + velocity * time, reach, 1 - reach)  # (n, t, 3, 2)
    floor = 1 - reach[..., 1]
    falling = _fall(start[..., 1], velocity[..., 1], floor, time[..., 0])
    weighs = (factors.law == LAWS.index("gravity"))[:, None, None]
    straight[..., 1] = np.where(weighs, falling, straight[..., 1])
    return straight.astype(np.float32)
