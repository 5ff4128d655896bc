"""Pictures in rows and columns."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.media.grid import grid
from tests.media.examples import noise


def test_every_picture_is_in_its_place() -> None:
    images = noise(5, 4, 6, 3)
    sheet = grid(images, columns=3, pad=1, background=9)
    assert sheet.shape == (2 * 5 + 1, 3 * 7 + 1, 3)
    for i, image in enumerate(images):
        top, left = 1 + i // 3 * 5, 1 + i % 3 * 7
        assert (sheet[top : top + 4, left : left + 6] == image).all()
    assert (sheet[6:, 15:] == 9).all()


def test_about_square_by_default() -> None:
    assert grid(noise(9, 4, 4, 1), pad=0).shape == (12, 12, 1)
    assert grid(noise(1, 4, 4, 1), columns=8, pad=0).shape == (4, 4, 1)


@pytest.mark.parametrize("images", [np.zeros((0, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)])
def test_nothing_to_lay_out_is_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="grid"):
        grid(images)
