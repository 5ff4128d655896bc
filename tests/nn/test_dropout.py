"""Dropout by bits."""

from __future__ import annotations

import pytest
import torch

from diorama.nn.dropout import dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_drops_the_share_and_keeps_the_mean(share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(40_000, dtype=dtype)
    y = dropout(x, share, training=True)
    assert y.dtype == dtype
    assert (y == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert y.float().mean().item() == pytest.approx(1, abs=0.05)
    assert y.unique().numel() == 2


def test_gradient_passes_where_features_did() -> None:
    x = torch.randn(3, 5, 4, 7).bfloat16().to(memory_format=torch.channels_last).requires_grad_()
    y = dropout(x, 0.3, training=True)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad == 0, y == 0)
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_the_same_seed_drops_the_same() -> None:
    x = torch.ones(1001, dtype=torch.bfloat16)
    torch.manual_seed(5)
    first = dropout(x, 0.5, training=True)
    torch.manual_seed(5)
    assert torch.equal(first, dropout(x, 0.5, training=True))
    assert not torch.equal(first, dropout(x, 0.5, training=True))


def test_nothing_happens_in_evaluation_or_without_a_share() -> None:
    x = torch.randn(7).bfloat16()
    assert dropout(x, 0.5, training=False) is x
    assert torch.equal(dropout(x, 0.0, training=True), x)
