"""Pictures under affine maps: against the same sums written out in NumPy, and laws."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from diorama.nn.warp import _TAPS, warped

Array = npt.NDArray[np.float64]


def reference(picture: Array, inverse: Array) -> Array:
    """(h, w) -> (h, w), by the definition of each step."""
    h, w = picture.shape
    padded = np.pad(picture, ((h - 1, h - 1), (w - 1, w - 1)), mode="reflect")
    taps = np.array(_TAPS)

    def doubled(line: Array) -> Array:
        spread = np.zeros(2 * len(line) - 1)
        spread[::2] = line
        # Of the full convolution the part that begins five samples in, as long as twice the line.
        return np.convolve(spread, taps)[5 : 5 + 2 * len(line)]

    fine = np.apply_along_axis(doubled, 0, np.apply_along_axis(doubled, 1, padded))

    def read(y: float, x: float) -> float:
        top, left = math.floor(y), math.floor(x)
        found = 0.0
        for row, share in ((top, top + 1 - y), (top + 1, y - top)):
            for column, part in ((left, left + 1 - x), (left + 1, x - left)):
                if 0 <= row < fine.shape[0] and 0 <= column < fine.shape[1]:
                    found += share * part * fine[row, column]
        return found

    # Places are counted from the middle; doubled ones are half a pixel aside of it.
    def seen(row: int, column: int) -> float:
        x, y = (column + 0.5 - w) / 2 + 0.25, (row + 0.5 - h) / 2 + 0.25
        u, v, _ = inverse @ np.array([x, y, 1.0])
        return read(2 * v - 0.5 + fine.shape[0] / 2 - 0.5, 2 * u - 0.5 + fine.shape[1] / 2 - 0.5)

    found = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            block = [[seen(2 * i + a - 5, 2 * j + b - 5) for b in range(12)] for a in range(12)]
            found[i, j] = taps @ np.array(block) @ taps
    return found


def turned(angle: float) -> Array:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    "inverse",
    [
        turned(0.7),
        np.diag([0.8, 1.3, 1.0]),
        np.array([[1.0, 0.0, 1.3], [0.0, 1.0, -2.6], [0.0, 0.0, 1.0]]),
        turned(-2.0) @ np.array([[1.4, 0.2, 0.5], [0.0, 0.9, 3.0], [0.0, 0.0, 1.0]]),
    ],
)
def test_warping_is_what_its_definition_says(inverse: Array) -> None:
    picture = np.random.default_rng(0).normal(size=(6, 8))
    found = warped(torch.tensor(picture)[None, None].float(), torch.tensor(inverse)[None].float())
    np.testing.assert_allclose(found[0, 0].numpy(), reference(picture, inverse), atol=2e-5)


def test_doubling_and_halving_alone_change_nothing() -> None:
    """The filter's even and odd shifts are orthogonal."""
    x = torch.randn(2, 3, 9, 12)
    nearly = torch.eye(3) + torch.tensor([[0.0, 0.0, 1e-6], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(warped(x, nearly.expand(2, 3, 3)), x, rtol=0, atol=1e-4)


def test_a_picture_that_stays_is_the_same_bit_for_bit_whatever_lies_beside_it() -> None:
    x = torch.randn(2, 3, 8, 8)
    maps = torch.stack([torch.eye(3), torch.tensor(turned(1.0)).float()])
    both = warped(x, maps)
    assert torch.equal(both[0], x[0])
    assert not torch.allclose(both[1], x[1], atol=0.1)
    torch.testing.assert_close(both[1:], warped(x[1:], maps[1:]), rtol=0, atol=1e-6)


def test_whole_moves_and_quarter_turns_are_those_of_pixels() -> None:
    x = torch.randn(1, 1, 8, 8)
    moved = torch.tensor([[1.0, 0.0, -3.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])[None]
    torch.testing.assert_close(warped(x, moved)[..., 3:], x[..., :-3], rtol=0, atol=1e-5)
    # What is seen at the right lies at the bottom: the picture is turned from the bottom to the right.
    smooth = torch.linspace(-1, 1, 8)[:, None].expand(8, 8)[None, None]
    quarter = warped(smooth, torch.tensor(turned(math.pi / 2)).float()[None])
    torch.testing.assert_close(quarter[..., 2:-2, 2:-2], smooth.transpose(2, 3)[..., 2:-2, 2:-2], rtol=0, atol=0.05)
