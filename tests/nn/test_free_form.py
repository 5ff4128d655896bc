"""Free-form masks: what share they cover, that they differ, and that a draw names its mask."""

from __future__ import annotations

import pytest
import torch

from diorama.nn.free_form import DRAWS, free_form_masks


def drawn(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, DRAWS, generator=torch.Generator().manual_seed(seed))


def test_masks_cover_a_part_of_every_picture_alike_at_every_size() -> None:
    shares = {}
    for side in (32, 96):
        masks = free_form_masks(drawn(128), (side, side))
        assert masks.shape == (128, 1, side, side)
        assert set(masks.unique().tolist()) == {0.0, 1.0}
        share = masks.mean((1, 2, 3))
        assert share.min() > 0
        assert share.max() < 0.95
        shares[side] = share
    assert 0.15 < shares[32].mean() < 0.45
    torch.testing.assert_close(shares[32], shares[96], atol=0.05, rtol=0)


def test_masks_fall_everywhere_but_less_at_the_rim() -> None:
    often = free_form_masks(drawn(512), (24, 40)).mean((0, 1))
    assert often.min() > 0.05
    assert often[9:15, 15:25].mean() > often[[0, -1]].mean()


def test_each_draw_has_its_mask_whatever_the_batch() -> None:
    draws = drawn(4)
    masks = free_form_masks(draws, (16, 16))
    assert torch.equal(free_form_masks(draws[2:3], (16, 16)), masks[2:3])
    assert len({mask.numpy().tobytes() for mask in masks}) == 4


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_draws_mark_something_too(value: float) -> None:
    assert free_form_masks(torch.full((1, DRAWS), value), (5, 4)).any()


def test_a_box_is_added_to_half_of_the_masks() -> None:
    with_box, without = drawn(8), drawn(8)
    with_box[:, 1], without[:, 1] = 0.75, 0.25
    boxed, bare = (free_form_masks(draws, (32, 32)).bool() for draws in (with_box, without))
    assert bool((boxed | ~bare).all())
    # With a box of a quarter of each side at least.
    assert bool((boxed.sum((1, 2, 3)) >= 49).all())


def test_another_number_of_draws_is_refused() -> None:
    with pytest.raises(ValueError, match=f"made of {DRAWS} numbers, got 3"):
        free_form_masks(torch.rand(1, 3), (8, 8))
