"""Attention between places."""

from __future__ import annotations

import pytest
import torch

from diorama.nn.attention import SpatialAttention, attend


@pytest.mark.parametrize("heads", [1, 3])
def test_plain_and_fused_attention_agree(heads: int) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, heads, 10, 4)
    plain = attend(query, key, value)
    with torch.no_grad():
        fused = attend(query, key, value)
    torch.testing.assert_close(plain, fused)


def test_attention_does_not_care_for_the_order_of_places() -> None:
    torch.manual_seed(0)
    layer = SpatialAttention(8, 4, groups=2)
    x = torch.randn(2, 8, 3, 5)
    order = torch.randperm(15)

    def shuffle(y: torch.Tensor) -> torch.Tensor:
        return y.flatten(2)[:, :, order].view_as(y)

    torch.testing.assert_close(layer(shuffle(x)), shuffle(layer(x)), rtol=1e-4, atol=1e-5)


def test_sum_may_be_divided_and_norm_left_out() -> None:
    layer = SpatialAttention(6, 4, groups=None, divide=2.0)
    torch.nn.init.zeros_(layer.out.weight)
    torch.nn.init.zeros_(layer.out.bias)
    x = torch.randn(1, 6, 2, 2)
    assert layer.heads == 1
    torch.testing.assert_close(layer(x), x / 2)
