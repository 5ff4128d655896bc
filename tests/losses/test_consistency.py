"""Distances between answers."""

from __future__ import annotations

import pytest
import torch

from diorama.losses.consistency import Distance

A, B = torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8)


def test_distances_are_what_they_are_called() -> None:
    torch.testing.assert_close(Distance(kind="l1").between(A, B), (A - B).abs().flatten(1).mean(1))
    torch.testing.assert_close(Distance(kind="l2").between(A, B), (A - B).square().flatten(1).mean(1))
    euclidean = (A - B).flatten(1).norm(dim=1)
    torch.testing.assert_close(Distance(huber=0.0).between(A, B), euclidean)


def test_the_pseudo_huber_distance_is_square_for_small_differences_and_straight_for_large_ones() -> None:
    distance, c = Distance(huber=0.1), 0.1 * A[0].numel() ** 0.5
    near = distance.between(A, A + 1e-4)
    torch.testing.assert_close(near, torch.full((4,), 1e-8 * A[0].numel() / (2 * c)), rtol=0.05, atol=1e-7)
    far = 1e3 * B
    torch.testing.assert_close(distance.between(far, -far), (2 * far).flatten(1).norm(dim=1) - c, rtol=1e-3, atol=0)


def test_equal_pictures_have_a_slope_of_zero() -> None:
    a = A.clone().requires_grad_(True)
    Distance(huber=0.0).between(a, A).sum().backward()
    assert a.grad is not None
    assert bool((a.grad == 0).all())


def test_pictures_are_compared_at_the_size_that_is_asked_for() -> None:
    pattern = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4).expand(1, 3, 8, 8)
    assert Distance(kind="l2").between(pattern, -pattern).item() == pytest.approx(4)
    assert Distance(kind="l2", size=4).between(pattern, -pattern).item() == pytest.approx(0)
