"""The factor reader for clips: identity over time, permanence, and the law of motion."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data.synthetic.palette import backgrounds
from diorama.data.synthetic.readings import ClipReading
from diorama.data.synthetic.tracks import read_clip, read_clips
from diorama.data.synthetic.world import World

COUNT = 40


@pytest.fixture(scope="module")
def world() -> World:
    return World(size=32, video=True, seed=2)


@pytest.fixture(scope="module")
def clips(world: World) -> np.ndarray:
    return world.clips(np.arange(COUNT))


@pytest.fixture(scope="module")
def readings(clips: np.ndarray) -> list[ClipReading]:
    return read_clips(clips)


def test_the_law_of_motion_is_read(world: World, readings: list[ClipReading]) -> None:
    scenes = world.scenes(np.arange(COUNT))
    told = [(scene.law, reading.law) for scene, reading in zip(scenes, readings, strict=True) if reading.law]
    assert len(told) >= 0.95 * COUNT
    assert all(true == read for true, read in told)
    assert np.mean([reading.lawfulness for reading in readings if reading.lawfulness is not None]) > 0.99


def test_objects_of_the_world_stay_what_they_are(world: World, readings: list[ClipReading]) -> None:
    scenes = world.scenes(np.arange(COUNT))
    assert np.mean([reading.permanence for reading in readings]) > 0.98
    same = [len(reading.tracks) == len(scene.objects) for scene, reading in zip(scenes, readings, strict=True)]
    assert np.mean(same) >= 0.95
    for scene, reading in zip(scenes, readings, strict=True):
        assert reading.background == scene.background
        assert {track.colour for track in reading.tracks} <= {thing.colour for thing in scene.objects}


def test_paths_are_the_true_ones(world: World, readings: list[ClipReading]) -> None:
    indices = np.arange(COUNT)
    factors, truth = world.factors(indices), world.positions(indices)
    for row in np.nonzero(factors.count == 1)[0]:
        path = np.array(readings[row].tracks[0].path, dtype=float)
        assert np.abs(path - truth[row, :, 0]).max() < 0.01


def test_an_object_that_vanishes_lowers_permanence(world: World, clips: np.ndarray) -> None:
    alone = np.nonzero(world.factors(np.arange(COUNT)).count == 1)[0][:5]
    empty = World(size=32).factors(alone)

    for row, background in zip(alone, empty.background, strict=True):
        clip = clips[row].copy()
        clip[8:] = backgrounds(32)[background].round()
        reading = read_clip(clip)
        assert reading.permanence == pytest.approx(0.5, abs=0.07)
        assert reading.count == 0 or reading.count == 1


def test_a_changing_object_lowers_permanence(clips: np.ndarray) -> None:
    spliced = np.concatenate([clips[:20, :8], clips[20:, 8:]], axis=1)
    assert np.mean([reading.permanence for reading in read_clips(spliced)]) < 0.85


def test_shuffled_frames_break_the_law(clips: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(clips.shape[1])
    told = [reading.lawfulness for reading in read_clips(clips[:20, order]) if reading.lawfulness is not None]
    assert np.mean(told) < 0.5


def test_too_little_motion_tells_no_law(clips: np.ndarray) -> None:
    reading = read_clip(clips[0, :2])
    assert reading.law is None
    assert reading.lawfulness is None


def test_a_clip_without_objects_has_no_permanence() -> None:
    reading = read_clip(np.full((4, 32, 32, 3), 245, dtype=np.uint8))
    assert reading.permanence is None
    assert reading.tracks == ()


def test_pictures_are_not_clips() -> None:
    with pytest.raises(BadInput, match="reads clips"):
        read_clips(np.zeros((2, 32, 32, 3), dtype=np.uint8))
