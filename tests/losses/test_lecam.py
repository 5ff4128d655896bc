"""LeCam regularisation."""

from __future__ import annotations

import pytest
import torch

from diorama.losses.lecam import lecam


def test_logits_are_held_near_the_other_sides_level_where_they_are_beyond_it() -> None:
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([-2.0, 3.0])
    value = lecam(real, fake, torch.tensor(1.0), torch.tensor(0.5))
    assert value.item() == pytest.approx((1.5**2 + 0) / 2 + (3.0**2 + 0) / 2)


def test_no_gradient_goes_into_the_levels() -> None:
    levels = [torch.tensor(1.0, requires_grad=True) for _ in range(2)]
    real = torch.tensor([3.0], requires_grad=True)
    lecam(real, torch.tensor([0.0]), *levels).backward()
    assert real.grad is not None
    assert all(level.grad is None for level in levels)
