"""The same dropout in several passes."""

from __future__ import annotations

import torch

from diorama.nn.differentiation import with_derivative
from diorama.nn.dropout import DropoutMasks, dropout


def _pass(x: torch.Tensor) -> torch.Tensor:
    return dropout(dropout(x, 0.5, True) + 1, 0.25, True)


def test_masks_are_used_again_in_their_order_and_forgotten_afterwards() -> None:
    x, masks = torch.randn(64, 32), DropoutMasks()
    with masks.kept():
        first = _pass(x)
    for _ in range(2):
        with masks.again():
            torch.testing.assert_close(_pass(x), first)
    assert not torch.equal(_pass(x), first)
    with masks.kept():
        assert not torch.equal(_pass(x), first)


def test_a_share_is_dropped_the_rest_scaled_and_nothing_in_evaluation() -> None:
    masks, x = DropoutMasks(), torch.ones(100_000)
    with masks.kept():
        dropped = dropout(x, 0.3, True)
        assert dropout(x, 0.3, False) is x
    assert abs((dropped == 0).float().mean().item() - 0.3) < 0.01
    torch.testing.assert_close(dropped[dropped > 0], torch.full_like(dropped[dropped > 0], 1 / 0.7))


def test_the_derivative_forwards_has_the_masks_too() -> None:
    x, masks = torch.randn(1_000), DropoutMasks()
    with masks.kept():
        first = _pass(x)
    with masks.again():
        value, change = with_derivative(_pass, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(value, first)
    assert bool(((change == 0) | (change - 1 / 0.375).abs().lt(1e-5)).all())
