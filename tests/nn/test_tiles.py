"""Pictures in squares: the same picture comes out, and the network sees no more than a square and its margin."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from diorama.nn.tiles import in_tiles


def network(scale: int) -> nn.Sequential:
    """It looks three pixels around each."""
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 5, padding=2)]
    return nn.Sequential(*convolutions, nn.Upsample(scale_factor=scale)).requires_grad_(False)


@settings(deadline=None)
@given(
    height=st.integers(1, 23),
    width=st.integers(1, 23),
    side=st.integers(1, 24),
    margin=st.integers(3, 5),
    scale=st.integers(1, 3),
)
def test_squares_with_a_wide_margin_give_what_the_whole_picture_gives(
    height: int, width: int, side: int, margin: int, scale: int
) -> None:
    whole, picture = network(scale), torch.rand(2, 2, height, width, generator=torch.Generator().manual_seed(1))
    drawn = in_tiles(whole, picture, side=side, margin=margin, scale=scale)
    torch.testing.assert_close(drawn, whole(picture), rtol=0, atol=1e-5)


def test_no_part_is_larger_than_a_square_with_its_margin() -> None:
    seen = []

    def watched(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape[2:]))
        return F.interpolate(x, scale_factor=2.0)

    picture = torch.rand(1, 1, 20, 9)
    assert torch.equal(in_tiles(watched, picture, side=8, margin=2, scale=2), F.interpolate(picture, scale_factor=2.0))
    assert seen == [(10, 9), (10, 3), (12, 9), (12, 3), (6, 9), (6, 3)]
