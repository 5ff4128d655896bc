"""Pictures and clips in rows and columns."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.media.grid import about_square, grid, strips
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


@pytest.mark.parametrize(("height", "width"), [(4, 16), (16, 4), (8, 8), (100, 30)])
def test_a_grid_can_be_about_as_wide_as_high_whatever_the_pictures_are(height: int, width: int) -> None:
    images = noise(64, height, width, 3)
    sheet = grid(images, about_square(64, height, width), pad=0)
    assert sheet.shape[0] == pytest.approx(sheet.shape[1], abs=max(height, width))


def test_clips_play_at_once() -> None:
    clips = noise(5, 7, 4, 6, 3)
    sheet = grid(clips, columns=3, pad=1)
    assert sheet.shape == (7, 11, 22, 3)
    for moment in range(7):
        assert (sheet[moment] == grid(clips[:, moment], columns=3, pad=1)).all()


def test_a_strip_shows_a_clip_from_left_to_right() -> None:
    clips = noise(2, 9, 4, 6, 3)
    sheet = strips(clips, frames=3, pad=1)
    assert sheet.shape == (2 * 5 + 1, 3 * 7 + 1, 3)
    for row in range(2):
        for column, moment in enumerate((0, 4, 8)):
            assert (sheet[1 + 5 * row : 5 + 5 * row, 1 + 7 * column : 7 + 7 * column] == clips[row, moment]).all()
    assert strips(clips, pad=0).shape == (8, 54, 3)


def test_what_is_no_clip_makes_no_strip() -> None:
    with pytest.raises(ValueError, match="strips"):
        strips(noise(2, 4, 4, 3))


def test_a_grid_without_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one column"):
        grid(noise(2, 4, 4, 3), columns=-1)


@pytest.mark.parametrize("images", [np.zeros((0, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)])
def test_nothing_to_lay_out_is_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="grid"):
        grid(images)
