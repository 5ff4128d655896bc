"""Losses over scales."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from diorama.losses.adversarial import squared_error
from diorama.losses.multi_scale import feature_distance, over_scales


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_scale_weighs_the_same_however_many_patches_it_has() -> None:
    scales = [torch.full((2, 1, side, side), 3.0) for side in (8, 4, 2)]
    assert over_scales(partial(squared_error, target=1.0), scales).item() == pytest.approx(3 * 4.0)


def test_features_are_compared_picture_by_picture_and_not_by_their_mean() -> None:
    real = [[drawn(2, 3, 4, 4), drawn(2, 5, 2, 2)], [drawn(2, 3, 2, 2), drawn(2, 5, 1, 1)]]
    swapped = [[feature.flip(0) for feature in scale] for scale in real]
    pairs = zip([f for scale in real for f in scale], [f for scale in swapped for f in scale], strict=True)
    expected = torch.stack([(r - f).abs().mean() for r, f in pairs])
    torch.testing.assert_close(feature_distance(real, swapped), 4 * expected.mean())
    torch.testing.assert_close(feature_distance(real, swapped, factor=1.0), expected.mean())
    assert feature_distance(real, real) == 0


def test_no_gradient_goes_into_real_features() -> None:
    real, fake = drawn(2, 3).requires_grad_(), drawn(2, 3, seed=1).requires_grad_()
    feature_distance([[real]], [[fake]]).backward()
    assert real.grad is None
    assert fake.grad is not None


def test_without_features_there_is_no_distance() -> None:
    assert feature_distance([], []) == 0
    assert feature_distance([[]], [[]]) == 0
    with pytest.raises(ValueError, match="argument"):
        feature_distance([[drawn(1)]], [])
