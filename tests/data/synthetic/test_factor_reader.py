"""The factor reader: right on what is at least half visible, silent where it cannot know."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data.synthetic.grade import grade
from diorama.data.synthetic.motion import trajectories
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS, backgrounds
from diorama.data.synthetic.reader import read_factors
from diorama.data.synthetic.readings import MODES, ObjectReading, SceneReading, mode_of
from diorama.data.synthetic.render import frames_of, render, render_masks, rows_of
from diorama.data.synthetic.segment import reduce_pictures
from diorama.data.synthetic.world import World


def soften(pictures: np.ndarray) -> np.ndarray:
    """A light blur: each pixel mixed with its four neighbours."""
    x = np.pad(pictures.astype(np.float32), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    return (0.6 * x[:, 1:-1, 1:-1] + 0.1 * around).round().astype(np.uint8)


def roughen(pictures: np.ndarray, level: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, level, pictures.shape)
    return (pictures + noise).clip(0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("size", [32, 48, 64, 128])
def test_every_factor_is_right_on_objects_half_in_sight(size: int) -> None:
    world, indices = World(size=size, seed=5), np.arange(400)
    grades = grade(world.scenes(indices), read_factors(world.pictures(indices)))
    for factor, result in grades.items():
        assert result.accuracy >= 0.99, (factor, result)
        assert result.wrong <= 0.0025 * result.asked, (factor, result)


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, *(pytest.param(size, marks=pytest.mark.long) for size in (64, 128))])
def test_every_factor_is_right_on_thousands(size: int) -> None:
    world, indices = World(size=size, seed=11), np.arange(5000)
    grades = grade(world.scenes(indices), read_factors(world.pictures(indices)))
    assert all(result.accuracy >= 0.99 for result in grades.values()), grades
    assert all(result.abstention <= 0.01 for result in grades.values()), grades


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, pytest.param(64, marks=pytest.mark.long)])
def test_objects_that_cross_at_will_are_read_or_left_open(size: int) -> None:
    factors = World(video=True, seed=3).factors(np.arange(400))
    frames = rows_of(frames_of(factors, trajectories(factors, 16)), slice(5, None, 3))
    truth = frames.scenes(video=False, visible=render_masks(frames, size)[1])
    readings = read_factors(render(frames, size))
    assert all(result.accuracy >= 0.99 for result in grade(truth, readings).values())
    hidden = grade(truth, readings, least_visible=0.0, most_visible=0.5)
    for factor in ("shape", "size", "texture", "position"):
        assert hidden[factor].wrong <= 0.1 * hidden[factor].asked, hidden
        assert hidden[factor].abstention > 0.2, hidden


@pytest.mark.parametrize("damage", ["soft", "rough"])
def test_imperfect_pictures_are_left_open_rather_than_misread(damage: str) -> None:
    world, indices = World(size=32, seed=9), np.arange(200)
    pictures = world.pictures(indices)
    damaged = soften(pictures) if damage == "soft" else roughen(pictures, 10)
    grades = grade(world.scenes(indices), read_factors(damaged))
    for factor, result in grades.items():
        assert result.wrong <= 0.01 * result.asked, (factor, result)
        assert result.accuracy >= 0.85, (factor, result)


def test_noise_is_not_read_at_all() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3)).astype(np.uint8)
    for reading in read_factors(noise):
        assert reading.count is None
        assert reading.background is None
        assert mode_of(reading) is None


def test_an_empty_stage_has_no_objects() -> None:
    readings = read_factors(backgrounds(64).round().astype(np.uint8))
    assert [reading.background for reading in readings] == list(BACKGROUNDS)
    assert all(reading.count == 0 and reading.objects == () and reading.main is None for reading in readings)


def test_two_objects_of_one_colour_are_both_found() -> None:
    world = World(size=32)
    indices = np.arange(400)
    factors = world.factors(indices)
    pairs = np.nonzero((factors.count == 2) & (world.masks(indices)[1][:, :2].min(axis=1) > 0.999))[0]
    same = rows_of(factors, pairs)
    same.colour[:] = same.colour[:, :1]
    readings = read_factors(render(same, 32))
    assert np.mean([reading.count == 2 for reading in readings]) > 0.9


def test_a_foreign_blob_leaves_the_count_open() -> None:
    pictures = backgrounds(32).round().astype(np.uint8)[:1].copy()
    pictures[0, 8:20, 8:20] = (96, 96, 96)
    assert read_factors(pictures)[0].count is None


def test_the_mode_is_colour_and_shape_of_the_main_object() -> None:
    world, indices = World(size=32), np.arange(300)
    factors = world.factors(indices)
    rows, main = np.arange(300), factors.main()
    expected = factors.colour[rows, main] * 8 + factors.shape[rows, main]
    modes = [mode_of(reading) for reading in read_factors(world.pictures(indices))]
    known = [i for i, mode in enumerate(modes) if mode is not None]
    assert len(known) >= 0.98 * 300
    assert np.mean([modes[i] == expected[i] for i in known]) >= 0.99
    assert len(MODES) == 64
    assert MODES[expected[0]].startswith(COLOURS[factors.colour[0, main[0]]])


def test_the_mode_is_open_while_a_size_is() -> None:
    thing = ObjectReading(
        colour="red", shape="circle", size=None, texture=None, x=None, y=None, visible=None, error=1.0
    )
    assert thing.place is None
    assert mode_of(SceneReading(background="sand", objects=(thing,), count=1, explained=1.0)) is None


def test_reduction_keeps_means_and_flat_colours() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 50, 50, 3)).astype(np.uint8)
    reduced = reduce_pictures(pictures)
    assert reduced.shape == (2, 32, 32, 3)
    assert np.allclose(reduced.mean(axis=(1, 2)), pictures.mean(axis=(1, 2)), atol=1e-2)


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [
        ((2, 32, 40, 3), np.uint8, "square"),
        ((2, 32, 32, 1), np.uint8, "square"),
        ((2, 32, 32, 3), np.float32, "square"),
        ((2, 16, 16, 3), np.uint8, "32 pixels"),
    ],
)
def test_other_arrays_are_refused(shape: tuple[int, ...], kind: type, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_factors(np.zeros(shape, dtype=kind))
