"""Layers that keep the magnitude of what passes through them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.nn.magnitude import (
    MagnitudeConv2d,
    MagnitudeLinear,
    Waves,
    balanced_cat,
    balanced_sum,
    normalized,
    scaled_silu,
)

SIZE = (4, 64, 16, 16)


def magnitude(x: torch.Tensor) -> float:
    return x.square().mean().sqrt().item()


@settings(deadline=None, max_examples=10)
@given(share=st.floats(0, 1), other=st.sampled_from([16, 64, 160]))
def test_magnitude_is_kept(share: float, other: int) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(SIZE), torch.randn(SIZE)
    assert magnitude(scaled_silu(x)) == pytest.approx(1, rel=0.02)
    assert magnitude(balanced_sum(x, y, share)) == pytest.approx(1, rel=0.02)
    joined = balanced_cat(x, torch.randn(4, other, 16, 16), share)
    assert joined.shape == (4, 64 + other, 16, 16)
    assert magnitude(joined) == pytest.approx(1, rel=0.02)
    # Beyond the edges are zeros, which a kernel of one pixel does not see.
    assert magnitude(MagnitudeConv2d(64, 256, 1)(x)) == pytest.approx(1, rel=0.1)
    assert magnitude(MagnitudeLinear(64, 256)(x.movedim(1, 3).reshape(-1, 64))) == pytest.approx(1, rel=0.1)
    assert magnitude(Waves(512)(torch.randn(64))) == pytest.approx(1, rel=0.1)


def test_both_halves_of_a_cat_count_by_their_shares() -> None:
    torch.manual_seed(0)
    joined = balanced_cat(torch.randn(4, 16, 8, 8), torch.randn(4, 160, 8, 8), 0.5)
    first, second = joined[:, :16].square().sum(), joined[:, 16:].square().sum()
    assert (first / second).item() == pytest.approx(1, rel=0.1)


def test_the_length_of_weights_says_nothing() -> None:
    layer, x = MagnitudeConv2d(3, 8, 3), torch.randn(2, 3, 8, 8)
    before = layer(x)
    with torch.no_grad():
        layer.weight.mul_(torch.rand(8, 1, 1, 1) + 0.5)
    torch.testing.assert_close(layer(x), before, rtol=1e-3, atol=1e-3)
    layer.normalize_weight()
    lengths = layer.weight.detach().flatten(1).square().mean(1)
    torch.testing.assert_close(lengths, torch.ones(8), rtol=1e-3, atol=1e-3)


def test_nothing_has_a_gradient_that_is_not_finite() -> None:
    x = torch.zeros(2, 3, 4, requires_grad=True)
    normalized(x, 1).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
