"""The world: a function of seed and index whose records are true of its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.data.synthetic.geometry import EXTENTS, SHAPES, SIZES, TEXTURES
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS, backgrounds
from diorama.data.synthetic.render import render
from diorama.data.synthetic.scene import MOST_OBJECTS, PLACES
from diorama.data.synthetic.world import CLASSES, World

MANY = np.arange(1500)


@given(seed=st.integers(0, 2**64 - 1), index=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_scene_is_the_same_alone_and_in_any_batch(seed: int, index: int) -> None:
    world = World(size=32, seed=seed)
    others = np.array([3, index, 77, 12])
    scene, picture = world.picture(index)
    assert np.array_equal(world.pictures(others)[1], picture)
    assert world.scenes(others)[1] == scene
    assert world.captions(others)[1] == world.captions(np.array([index]))[0]


def test_a_clip_is_the_same_alone_and_in_any_batch() -> None:
    world = World(size=32, video=True, frames=5)
    clips = world.clips(np.arange(70))
    assert clips.shape == (70, 5, 32, 32, 3)
    assert np.array_equal(world.clips(np.array([69]))[0], clips[69])
    assert np.array_equal(world.pictures(np.array([69]))[0], clips[69, 0])


def test_other_seeds_and_indices_are_other_scenes() -> None:
    pictures = World(size=32).pictures(np.arange(200)).reshape(200, -1)
    assert len(np.unique(pictures, axis=0)) == 200
    assert not np.array_equal(pictures[:5], World(size=32, seed=1).pictures(np.arange(5)).reshape(5, -1))


def test_every_value_of_every_factor_occurs_about_as_often_as_it_should() -> None:
    factors = World().factors(np.arange(6000))
    for name, names in (("shape", SHAPES), ("size", SIZES), ("colour", COLOURS), ("texture", TEXTURES)):
        share = np.bincount(getattr(factors, name)[factors.present], minlength=len(names)) / factors.count.sum()
        assert np.allclose(share, 1 / len(names), atol=0.02), name
    assert np.allclose(np.bincount(factors.background) / 6000, 1 / len(BACKGROUNDS), atol=0.02)
    assert np.allclose(np.bincount(factors.count)[1:] / 6000, (0.5, 0.3, 0.2), atol=0.02)


def test_colours_of_a_scene_differ() -> None:
    colour = World().factors(MANY).colour
    assert all(len(set(row)) == MOST_OBJECTS for row in colour.tolist())


def test_objects_lie_inside_the_picture_and_mostly_in_sight() -> None:
    world = World(size=64)
    factors = world.factors(MANY)
    reach = EXTENTS[factors.shape] * factors.radius[..., None]
    assert (factors.position >= reach - 1e-6).all()
    assert (factors.position <= 1 - reach + 1e-6).all()
    visible = world.masks(MANY)[1][factors.present]
    assert visible.max() <= 1 + 1e-5
    assert (visible < 0.5).mean() < 0.01


def test_masks_are_disjoint_and_hold_the_objects_colours() -> None:
    world = World(size=64)
    indices = np.arange(200)
    pictures, factors = world.pictures(indices).astype(float), world.factors(indices)
    masks, _ = world.masks(indices)
    assert masks.shape == (200, MOST_OBJECTS, 64, 64)
    assert masks.sum(axis=1).max() == 1
    assert not masks[~factors.present].any()
    behind = np.abs(pictures - backgrounds(64)[factors.background]).max(axis=-1)
    assert behind[~masks.any(axis=1) & (behind > 1)].size < 0.06 * behind.size
    for row in range(200):
        for slot in range(factors.count[row]):
            # Colours are told apart by hue: in its own mask an object's strongest channel is its colour's.
            mean = pictures[row][masks[row, slot]].mean(axis=0)
            if COLOURS[factors.colour[row, slot]] in ("red", "green", "blue"):
                assert COLOURS[factors.colour[row, slot]] == ("red", "green", "blue")[int(mean.argmax())]


def test_masks_of_clips_follow_the_frames() -> None:
    world = World(size=32, video=True, frames=4)
    masks, visible = world.masks(np.arange(6))
    assert masks.shape == (6, 4, MOST_OBJECTS, 32, 32)
    assert visible.shape == (6, 4, MOST_OBJECTS)
    assert np.array_equal(masks[:, 0], World(size=32).masks(np.arange(6))[0])


def test_visible_share_is_what_the_others_leave() -> None:
    world = World(size=128)
    factors = world.factors(MANY[:300])
    alone = factors.count == 1
    visible = world.masks(MANY[:300])[1]
    assert np.allclose(visible[alone, 0], 1, atol=1e-5)
    front = visible[np.arange(300), factors.count - 1]
    assert np.allclose(front, 1, atol=1e-5)
    assert (visible[factors.count > 1, 0] < 0.999).any()


def test_sizes_show_the_same_scene() -> None:
    indices = np.arange(50)
    small = World(size=32).pictures(indices).astype(float)
    large = World(size=32).at(128).pictures(indices).astype(float)
    averaged = large.reshape(50, 32, 4, 32, 4, 3).mean(axis=(2, 4))
    assert np.abs(averaged - small).mean() < 1.5


def test_captions_name_every_factor() -> None:
    world = World()
    for scene, sentence in zip(world.scenes(np.arange(100)), world.captions(np.arange(100)), strict=True):
        assert scene.background in sentence
        for thing in scene.objects:
            assert f"{thing.colour} {thing.shape} {thing.place}" in sentence
            assert thing.texture == "plain" or f"{thing.size} {thing.texture} {thing.colour}" in sentence
            assert thing.place in PLACES


def test_captions_of_clips_name_the_motion() -> None:
    world = World(video=True)
    for scene, sentence in zip(world.scenes(np.arange(40)), world.captions(np.arange(40)), strict=True):
        assert ("bouncing under gravity" in sentence) == (scene.law == "gravity")
        assert ("bouncing off the walls" in sentence) == (scene.law == "bounce")


def test_the_label_is_the_shape_of_the_largest_object() -> None:
    world = World()
    for scene, label in zip(world.scenes(np.arange(300)), world.labels(np.arange(300)), strict=True):
        largest = max(SIZES.index(thing.size) for thing in scene.objects)
        main = min((thing for thing in scene.objects if SIZES.index(thing.size) == largest), key=lambda thing: thing.x)
        assert CLASSES[label] == main.shape


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="size must be at least 16"):
        World(size=8)
    with pytest.raises(ValueError, match="frames must be at least 1"):
        World(video=True, frames=0)
    with pytest.raises(ValueError, match="seed must be in"):
        World(seed=-1).pictures(np.arange(2))
    with pytest.raises(ValueError, match="16 pixels or more"):
        render(World().factors(np.arange(1)), 4)
