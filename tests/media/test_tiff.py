"""What Pillow reads of a TIFF only in part, or not at all, is said."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.media.image import read_image
from tests.media.examples import noise
from tests.media.test_encodings import tiff


def with_tag(content: bytes, old: int, entry: tuple[int, int, int, int]) -> bytes:
    """The same TIFF with one tag in the place of another."""
    place = content.index(struct.pack("<H", old), 10)
    return content[:place] + struct.pack("<HHII", *entry) + content[place + 12 :]


def test_a_channel_beside_colour_that_is_no_alpha_is_said_to_be_left_out() -> None:
    pixels = noise(8, 8, 4)
    content = with_tag(tiff(pixels, photometric=2), 274, (338, 3, 1, 0))
    place = content.index(struct.pack("<4H", 8, 8, 8, 0))
    content = content[:place] + struct.pack("<4H", 8, 8, 8, 8) + content[place + 8 :]
    picture = read_image(content, "x.tif")
    assert (picture.pixels == pixels[..., :3]).all()
    assert picture.notes == ("only 3 of its 4 channels were read; save it as NPY to keep all",)


def test_what_is_not_read_is_described() -> None:
    content = tiff(noise(8, 8, 13, dtype="uint16"))
    with pytest.raises(BadInput, match=r"a TIFF with 13 channels of \d+-bit unsigned integers.*save each as NPY"):
        read_image(content, "x.tif")


def test_the_thumbnail_of_a_raw_file_is_not_taken_for_it() -> None:
    content = with_tag(tiff(noise(8, 8, 3)), 274, (254, 4, 1, 1))
    with pytest.raises(BadInput, match="a camera's raw file"):
        read_image(content, "x.tif")


def test_broken_tiffs_are_refused_plainly() -> None:
    for end in (9, 20, 60):
        with pytest.raises(BadInput):
            read_image(tiff(np.zeros((8, 8, 13), np.uint16))[:end], "x.tif")
