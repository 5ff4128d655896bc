"""The two laws of motion: walls hold, speed is kept, and falling is free fall."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.data.synthetic.geometry import EXTENTS
from diorama.data.synthetic.motion import GRAVITY, trajectories
from diorama.data.synthetic.scene import LAWS, Factors
from diorama.data.synthetic.world import World

FRAMES = 60


@pytest.fixture(scope="module")
def factors() -> Factors:
    return World(video=True).factors(np.arange(400))


@pytest.fixture(scope="module")
def path(factors: Factors) -> np.ndarray:
    return trajectories(factors, FRAMES).astype(np.float64)


def clear_of_walls(factors: Factors, path: np.ndarray) -> np.ndarray:
    """(n, t-2, 3, 2) True where no wall can have been touched within three frames."""
    reach = (EXTENTS[factors.shape] * factors.radius[..., None])[:, None]
    moves = np.abs(np.diff(path, axis=1))
    longest = np.maximum(moves[:, 1:], moves[:, :-1]) + 1e-4
    triples = np.stack([path[:, :-2], path[:, 1:-1], path[:, 2:]])
    return (triples.min(axis=0) - longest > reach) & (triples.max(axis=0) + longest < 1 - reach)


def test_the_first_frame_is_where_the_scene_says(factors: Factors, path: np.ndarray) -> None:
    assert np.allclose(path[:, 0], factors.position, atol=1e-6)


def test_walls_hold(factors: Factors, path: np.ndarray) -> None:
    reach = (EXTENTS[factors.shape] * factors.radius[..., None])[:, None]
    assert (path >= reach - 1e-5).all()
    assert (path <= 1 - reach + 1e-5).all()


def test_velocity_is_constant_between_bounces(factors: Factors, path: np.ndarray) -> None:
    second = np.abs(path[:, 2:] - 2 * path[:, 1:-1] + path[:, :-2])
    free = clear_of_walls(factors, path)
    bouncing = factors.law == LAWS.index("bounce")
    assert free[bouncing].mean() > 0.5
    assert second[bouncing][free[bouncing]].max() < 1e-5
    assert second[..., 0][free[..., 0]].max() < 1e-5


def test_speed_survives_a_bounce(factors: Factors, path: np.ndarray) -> None:
    moves = np.abs(np.diff(path, axis=1))[factors.law == LAWS.index("bounce")]
    first = np.abs(factors.velocity[factors.law == LAWS.index("bounce")])[:, None]
    away = np.abs(moves - first) < 1e-5
    assert (away | (moves < first)).all()
    assert away.mean() > 0.8


def test_falling_is_free_fall(factors: Factors, path: np.ndarray) -> None:
    falling = factors.law == LAWS.index("gravity")
    second = (path[:, 2:] - 2 * path[:, 1:-1] + path[:, :-2])[falling][..., 1]
    # Hops of less than a few frames touch the floor within any three of them.
    high = np.ptp(path[falling][..., 1], axis=1, keepdims=True) > 0.1
    free = clear_of_walls(factors, path)[falling][..., 1] & high
    assert free.mean() > 0.3
    assert np.allclose(second[free], GRAVITY, atol=1e-5)


def test_falling_keeps_its_energy(factors: Factors) -> None:
    falling = factors.law == LAWS.index("gravity")
    path = trajectories(factors, 400).astype(np.float64)[falling]
    drop = path[..., 1].min(axis=1)
    start = factors.position[falling][..., 1] - factors.velocity[falling][..., 1] ** 2 / (2 * GRAVITY)
    # The highest point of a long fall is the apex that the first frame's energy allows, whatever was bounced.
    assert np.abs(drop - start).max() < 0.01


def test_an_object_that_lies_on_the_floor_stays_there(factors: Factors) -> None:
    world = World(video=True)
    one = world.factors(np.arange(1))
    floor = 1 - EXTENTS[one.shape][..., 1] * one.radius
    still = Factors(
        **{
            **vars(one),
            "law": np.array([LAWS.index("gravity")]),
            "position": np.stack([np.full_like(floor, 0.5), floor], axis=-1),
            "velocity": np.zeros_like(one.velocity),
        }
    )
    assert np.allclose(trajectories(still, 20)[..., 1], floor[:, None], atol=1e-5)
