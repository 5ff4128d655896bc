"""Damage grows with its amount and leaves the rest alone."""

from __future__ import annotations

import pytest
import torch

from diorama.methods.representation.damage import KINDS, damage


def _pictures() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_more_is_worse(kind: int) -> None:
    torch.manual_seed(0)
    pictures, kinds = _pictures(), torch.full((4,), kind)
    harmed = [damage(pictures, kinds, torch.full((4,), amount)) for amount in (0.05, 0.4, 0.95)]
    errors = [float((x - pictures).square().mean()) for x in harmed]
    assert 0 < errors[0] < errors[1] < errors[2]
    assert all(x.abs().max() <= 1 for x in harmed)


def test_unknown_kinds_leave_pictures_whole() -> None:
    pictures = _pictures()
    torch.testing.assert_close(damage(pictures, torch.full((4,), -1), torch.ones(4)), pictures)


def test_each_picture_has_its_own_kind() -> None:
    pictures = _pictures()
    found = damage(pictures, torch.tensor([-1, 1, -1, 3]), torch.full((4,), 0.8))
    changed = (found != pictures).flatten(1).any(1)
    assert changed.tolist() == [False, True, False, True]


def test_blocks_of_one_colour_survive_coarse_coefficients() -> None:
    flat = torch.full((1, 1, 16, 16), 0.0)
    torch.testing.assert_close(damage(flat, torch.tensor([2]), torch.ones(1)), flat)
