"""Holes filled by known patches."""

from __future__ import annotations

import pytest
import torch

from diorama.nn.contextual_attention import contextual_attention, fused


def test_a_hole_in_what_repeats_is_filled_with_what_repeats() -> None:
    torch.manual_seed(0)
    tile = torch.randn(1, 6, 4, 4) * 3
    maps = tile.repeat(1, 1, 5, 5)
    mask = torch.zeros(1, 1, 20, 20)
    mask[..., 8:10, 8:10] = 1
    filled = contextual_attention(maps, mask)
    torch.testing.assert_close(filled[..., 4:16, 4:16], maps[..., 4:16, 4:16], rtol=1e-3, atol=1e-3)


def test_what_lies_in_holes_is_not_taken() -> None:
    torch.manual_seed(0)
    maps, mask = torch.randn(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    maps[..., :8] = 0.5
    mask[..., 8:] = 1
    # Patches that touch the hole are no source; all others are of one value.
    filled = contextual_attention(maps, mask)
    torch.testing.assert_close(
        filled[..., 2:-2, 2:-2], torch.full_like(filled[..., 2:-2, 2:-2], 0.5), atol=1e-4, rtol=0
    )
    assert contextual_attention(maps, torch.ones_like(mask)).abs().max() == 0


def test_it_differentiates_and_no_sample_sees_another() -> None:
    torch.manual_seed(0)
    maps, mask = torch.randn(2, 3, 8, 12, requires_grad=True), torch.zeros(2, 1, 8, 12)
    mask[..., 2:6, 4:8] = 1
    found = contextual_attention(maps, mask)
    assert found.shape == maps.shape
    (slope,) = torch.autograd.grad(found[0].square().sum(), maps)
    assert slope[0].abs().sum() > 0
    assert slope[1].abs().sum() == 0


@pytest.mark.parametrize(("height", "width"), [(3, 4), (4, 4), (5, 2)])
def test_likenesses_of_neighbours_are_added_along_rows_and_columns(height: int, width: int) -> None:
    torch.manual_seed(0)
    n = height * width
    likeness = torch.randn(2, n, n)
    by_column = [row * width + column for column in range(width) for row in range(height)]

    def along(values: torch.Tensor) -> torch.Tensor:
        found = torch.zeros_like(values)
        for i in range(n):
            for j in range(n):
                for step in (-1, 0, 1):
                    if 0 <= i + step < n and 0 <= j + step < n:
                        found[:, i, j] += values[:, i + step, j + step]
        return found

    wanted = torch.empty_like(likeness)
    turned = along(along(likeness)[:, by_column][:, :, by_column])
    for place, i in enumerate(by_column):
        wanted[:, i, by_column] = turned[:, place]
    torch.testing.assert_close(fused(likeness, height, width), wanted)
