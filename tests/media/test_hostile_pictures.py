"""Broken and hostile pictures are refused by name, quickly and in little memory."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from diorama.core.errors import BadInput
from diorama.media.image import read_frames, read_image, read_size
from diorama.media.limits import Limits
from tests.media.examples import bomb_gif, bomb_png, jpeg, noise, npy, png, saved


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, I am a text file\n" * 10,
        jpeg(64, 64)[:900],
        png(64, 64)[:900],
        bomb_png(),
        bomb_gif(),
        b"\x89PNG\r\n\x1a\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        npy(np.zeros((4, 4, 3), np.uint8))[:-5],
        npy(np.array([object()], dtype=object), allow_pickle=True),
        npy(np.full((4, 4), np.nan)),
        npy(np.zeros((4, 4), np.complex64)),
        npy(np.zeros((2, 2, 2, 2, 2), np.uint8)),
        b"\x93NUMPY\x01\x00\x10\x00not a header at",
    ],
    ids=str,
)
def test_refused_by_name(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"^odd name\.png"):
        read_image(content, "odd name.png")


@pytest.mark.parametrize("content", [bomb_png(), bomb_png(20_000, 9_000), bomb_gif()], ids=["png", "large png", "gif"])
def test_bombs_cost_no_memory(content: bytes) -> None:
    tracemalloc.start()
    for read in (read_image, read_size, lambda c, n: list(read_frames(c, n))):
        with pytest.raises(BadInput, match="pixels"):
            read(content, "bomb")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_an_array_that_declares_more_than_it_holds_is_not_allocated() -> None:
    honest = npy(np.zeros((4, 4)))
    lying = honest.replace(b"'shape': (4, 4), }          ", b"'shape': (99999999, 999), } ")
    assert len(lying) == len(honest)
    assert lying != honest
    with pytest.raises(BadInput, match="declares"):
        read_image(lying, "x.npy")


def test_the_limit_is_the_callers() -> None:
    with pytest.raises(BadInput, match="40 x 30 pixels"):
        read_image(png(30, 40), "x", Limits(pixels=1000))
    with pytest.raises(BadInput, match="24 x 16 pixels"):
        read_image(jpeg(16, 24), "x", Limits(pixels=100))


def test_an_animation_may_not_hold_more_than_the_limit_of_all_frames() -> None:
    frames = [Image.fromarray(noise(8, 8, 3, seed=s)) for s in range(3)]
    content = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(BadInput, match="3 frames"):
        list(read_frames(content, "x", Limits(stack_pixels=100)))


def test_a_truncated_animation_is_refused() -> None:
    frames = [Image.fromarray(noise(32, 32, 3, seed=s)) for s in range(3)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(BadInput):
        list(read_frames(content[: len(content) // 2], "x"))


@settings(max_examples=60, deadline=None)
@given(
    place=st.integers(0, 10_000),
    value=st.integers(0, 255),
    which=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF"]),
)
def test_a_flipped_byte_gives_a_picture_or_bad_input(place: int, value: int, which: str) -> None:
    content = bytearray(saved(Image.fromarray(noise(12, 12, 3)), which))
    content[place % len(content)] = value
    # Any other exception fails the test.
    with suppress(BadInput):
        assert read_image(bytes(content), "x", Limits(pixels=1_000_000)).pixels.ndim == 3
