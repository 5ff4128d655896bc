"""Maximum mean discrepancy under a Laplace kernel."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.losses.moment_matching import laplace_discrepancy, laplace_kernel

ONE = torch.ones(1)


def _sets(seed: int, groups: int = 3, n: int = 4, values: int = 6) -> torch.Tensor:
    return torch.randn(groups, n, values, generator=torch.Generator().manual_seed(seed))


def test_the_kernel_is_an_exponential_of_the_distance_over_the_number_of_values() -> None:
    x, y = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]]), torch.tensor([[[0.0, 0.0]]])
    found = laplace_kernel(x, y, torch.tensor([0.8]))
    torch.testing.assert_close(found, torch.tensor([[[1.0], [math.exp(-0.8 * 5 / 2)]]]))


@settings(deadline=None)
@given(seed=st.integers(0, 1_000), other=st.integers(1_001, 2_000), scale=st.floats(0.1, 20))
def test_it_is_zero_for_equal_sets_positive_for_others_and_symmetric(seed: int, other: int, scale: float) -> None:
    x, y, scales = _sets(seed).double(), _sets(other).double(), torch.full((3,), scale, dtype=torch.float64)
    found = laplace_discrepancy(x, y, scales)
    assert bool((found > 0).all())
    torch.testing.assert_close(found, laplace_discrepancy(y, x, scales))
    # A set is the same in any order.
    torch.testing.assert_close(laplace_discrepancy(x, x[:, [2, 0, 3, 1]], scales), torch.zeros(3, dtype=torch.float64))


def test_it_sees_more_than_the_mean() -> None:
    narrow, wide = _sets(0, groups=1, n=200), 2 * _sets(1, groups=1, n=200)
    narrow, wide = (side - side.mean(1, keepdim=True) for side in (narrow, wide))
    alike = _sets(2, groups=1, n=200)
    scale = torch.tensor([3.0])
    same = laplace_discrepancy(narrow, alike - alike.mean(1, keepdim=True), scale)
    assert laplace_discrepancy(narrow, wide, scale).item() > 5 * same.item()


def test_groups_do_not_meet() -> None:
    x, y = _sets(0), _sets(1)
    moved = torch.cat([x[:1], x[1:] + 7])
    torch.testing.assert_close(
        laplace_discrepancy(x, y, torch.ones(3))[0], laplace_discrepancy(moved, y, torch.ones(3))[0]
    )


def test_the_gradient_of_a_pair_is_a_unit_vector_times_the_kernel_and_none_where_they_meet() -> None:
    x = torch.tensor([[[0.0, 0.0]]], requires_grad=True)
    (slope,) = torch.autograd.grad(laplace_kernel(x, torch.tensor([[[3.0, 4.0]]]), ONE).sum(), x)
    torch.testing.assert_close(slope, math.exp(-2.5) / 2 * torch.tensor([[[0.6, 0.8]]]))
    (slope,) = torch.autograd.grad(laplace_kernel(x, x.detach(), 1e6 * ONE).sum(), x)
    assert bool((slope == 0).all())


def test_a_single_particle_is_compared_with_its_pair_alone() -> None:
    x, y = _sets(0, n=1), _sets(1, n=1)
    distance = (x - y).norm(dim=-1).flatten()
    torch.testing.assert_close(laplace_discrepancy(x, y, torch.ones(3)), 2 - 2 * torch.exp(-distance / 6))


def test_samples_of_sixteen_bits_are_compared_in_thirty_two() -> None:
    assert laplace_kernel(_sets(0).bfloat16(), _sets(1).bfloat16(), torch.ones(3)).dtype == torch.float32
    assert laplace_discrepancy(_sets(0), _sets(0), torch.ones(3)).abs().max().item() == pytest.approx(0, abs=1e-6)
