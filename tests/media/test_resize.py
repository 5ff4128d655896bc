"""Resizing is antialiased, keeps the type, and cuts or pads around the middle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from diorama.media.resize import fit, resize
from tests.media.examples import noise, smooth_clip


@pytest.mark.parametrize("size", [(16, 16), (40, 24), (64, 80), (7, 5)])
def test_as_pillow_within_one_grey_level(size: tuple[int, int]) -> None:
    pixels = noise(48, 60, 3)
    pillow = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC)
    assert np.abs(resize(pixels, size).astype(int) - np.asarray(pillow)).max() <= 1


@settings(deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.integers(1, 6),
    dtype=st.sampled_from(["uint8", "uint16", "float16", "float32"]),
    policy=st.sampled_from(["crop", "pad"]),
)
def test_any_picture_gets_the_size_in_its_own_type(
    height: int, width: int, channels: int, dtype: str, policy: str
) -> None:
    pixels = np.full((height, width, channels), 77, dtype)
    result = fit(pixels, (12, 16), policy)  # type: ignore[arg-type]
    assert result.shape == (12, 16, channels)
    assert result.dtype == pixels.dtype
    if policy == "crop":
        assert (result == 77).all()


def test_the_right_size_is_left_alone() -> None:
    pixels = noise(8, 8, 3)
    assert fit(pixels, (8, 8)) is pixels


def test_crop_keeps_the_middle() -> None:
    pixels = noise(10, 30, 3)
    assert (fit(pixels, (10, 10), "crop") == pixels[:, 10:20]).all()
    assert (fit(noise(30, 10, 1), (10, 10), "crop") == noise(30, 10, 1)[10:20]).all()


def test_pad_keeps_all() -> None:
    pixels = noise(10, 30, 3)
    padded = fit(pixels, (30, 30), "pad")
    assert (padded[10:20] == pixels).all()
    assert not padded[:10].any()
    assert not padded[20:].any()


def test_clips_are_cut_alike() -> None:
    clip = smooth_clip(4, 32, 48)
    frames = np.stack([fit(f, (16, 16)) for f in clip])
    assert (fit(clip, (16, 16)) == frames).all()


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_no_value_leaves_the_range(dtype: str) -> None:
    pixels = np.zeros((16, 16, 1), dtype)
    pixels[::2] = 65535
    assert resize(pixels, (31, 31)).max() <= 65535
    assert resize(pixels, (31, 31)).min() >= 0


def test_memory_that_may_not_be_written_to_is_resized_without_a_warning() -> None:
    pixels = noise(8, 8, 3)
    locked = np.frombuffer(pixels.tobytes(), np.uint8).reshape(pixels.shape)
    assert (resize(locked, (16, 16)) == resize(pixels, (16, 16))).all()


@pytest.mark.parametrize(("dtype", "high"), [("uint16", 4095), ("float32", 1.0), ("int32", 3000)])
def test_no_value_leaves_the_range_of_its_own_picture_whatever_comes_with_it(dtype: str, high: float) -> None:
    # The scale of the data is told from their largest values, which ringing at an edge must not move.
    step = np.zeros((16, 16, 1), dtype)
    step[:, 8:] = high
    bright = (step * 16).astype(dtype)
    alone = resize(step, (31, 31))
    assert (alone.min(), alone.max()) == (0, high)
    assert (resize(np.stack([step, bright]), (31, 31))[0] == alone).all()
