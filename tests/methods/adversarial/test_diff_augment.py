"""Augmentations that are always made."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.methods.adversarial.diff_augment import DiffAugmentConfig, cut_out, recoloured, translated


def test_a_move_is_by_whole_pixels_within_its_limit_and_brings_zeros_in() -> None:
    torch.manual_seed(0)
    x = torch.rand(64, 3, 8, 12) + 1
    moved = translated(x, 0.25)
    found = set()
    for before, after in zip(x, moved, strict=True):
        shift = next(
            (down, right)
            for down in range(-2, 3)
            for right in range(-3, 4)
            if torch.equal(after[:, max(down, 0) : 8 + min(down, 0), max(right, 0) : 12 + min(right, 0)],
                           before[:, max(-down, 0) : 8 + min(-down, 0), max(-right, 0) : 12 + min(-right, 0)])
        )  # fmt: skip
        down, right = shift
        assert int((after == 0).sum()) == 3 * (8 * 12 - (8 - abs(down)) * (12 - abs(right)))
        found.add(shift)
    assert {abs(down) for down, _ in found} == {0, 1, 2}
    assert {abs(right) for _, right in found} == {0, 1, 2, 3}


def test_a_rectangle_around_a_random_place_is_cut_out() -> None:
    torch.manual_seed(0)
    lost = (cut_out(torch.ones(200, 1, 8, 8), 0.5) == 0).flatten(1).sum(1)
    assert lost.max() == 16
    # An even side has its middle on an edge of the picture at most, where half of it is lost in both directions.
    assert lost.min() == 4
    assert (cut_out(torch.ones(200, 1, 8, 8), 0.375) == 0).flatten(1).sum(1).max() == 9


def test_colours_change_by_what_the_paper_names() -> None:
    torch.manual_seed(0)
    x = torch.rand(500, 3, 4, 4)
    found = recoloured(x)
    brightness = (found - x).mean(dim=(1, 2, 3))
    assert brightness.abs().max() <= 0.5
    assert brightness.std().item() == pytest.approx(12**-0.5, rel=0.1)
    grey = x.mean(dim=1)
    contrast = found.mean(dim=1).std(dim=(1, 2)) / grey.std(dim=(1, 2))
    assert contrast.min() >= 0.499
    assert contrast.max() <= 1.501


def test_derivatives_of_both_orders() -> None:
    x = torch.rand(2, 2, 4, 4, dtype=torch.float64).requires_grad_()

    def changed(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)
        return DiffAugmentConfig().build()(x)

    assert torch.autograd.gradcheck(changed, x)
    assert torch.autograd.gradgradcheck(lambda x: changed(x).square(), x)


@pytest.mark.parametrize("wrong", [{"translation": 1.5}, {"cutout": -0.1}])
def test_shares_outside_the_picture_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DiffAugmentConfig(**wrong)
