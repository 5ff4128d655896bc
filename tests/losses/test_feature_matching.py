"""Distances between features."""

from __future__ import annotations

import torch

from diorama.losses.feature_matching import feature_matching

DRAWS = torch.Generator().manual_seed(0)
REAL = [torch.randn(6, 4, 3, 3, generator=DRAWS), torch.randn(6, 8, generator=DRAWS)]


def test_it_sees_means_over_the_batch_alone() -> None:
    assert feature_matching(REAL, [feature.flip(0) for feature in REAL]) < 1e-12
    assert torch.allclose(feature_matching(REAL, [feature + 2 for feature in REAL]), torch.tensor(4.0))


def test_layers_count_alike_and_real_features_have_no_gradient() -> None:
    real, fake = [r.clone().requires_grad_() for r in REAL], [r.clone() for r in REAL]
    fake[1] = (fake[1] + 1).requires_grad_()
    value = feature_matching(real, fake)
    assert torch.allclose(value, torch.tensor(0.5))
    value.backward()
    assert fake[1].grad is not None
    assert all(r.grad is None for r in real)
