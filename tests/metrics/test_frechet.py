"""The Fréchet distance is that of the formula, whatever the batch size and however the covariances degenerate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from diorama.metrics.frechet import (
    GaussianStatistics,
    RunningStatistics,
    frechet_distance,
    frechet_distance_of,
    shared_spectrum,
    square_root,
    statistics,
)


def _features(seed: int, n: int, d: int, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64) / d**0.5
    return torch.randn(n, d, generator=generator, dtype=torch.float64) @ mix + shift


def test_agrees_with_scipys_matrix_root() -> None:
    a, b = statistics(_features(0, 300, 12)), statistics(_features(1, 200, 12, 0.5))
    root = sqrtm(a.covariance.numpy() @ b.covariance.numpy()).real
    expected = float((a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace()) - 2 * root.trace()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_statistics_agree_with_numpy() -> None:
    x = _features(0, 50, 5)
    found = statistics(x)
    np.testing.assert_allclose(found.covariance, np.cov(x.numpy().T), rtol=1e-12)
    np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(0, 17), min_size=1, max_size=8), offset=st.floats(-1e4, 1e4))
def test_batch_size_changes_no_answer(sizes: list[int], offset: float) -> None:
    x = _features(3, sum(sizes) + 2, 4) + offset
    batches = torch.split(x, [*sizes, 2])
    whole, parts = statistics(x), statistics(iter(batches))
    torch.testing.assert_close(whole.covariance, parts.covariance, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(whole.mean, parts.mean, rtol=1e-12, atol=1e-12)


def test_equal_sets_have_distance_nought() -> None:
    a = statistics(_features(0, 40, 6))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(shift=st.floats(-3, 3), scale=st.floats(0.1, 4), n=st.integers(4, 40))
def test_symmetric_and_scales_with_the_square(shift: float, scale: float, n: int) -> None:
    x, y = _features(0, n, 5), _features(1, n, 5, shift)
    a, b = statistics(x), statistics(y)
    distance = frechet_distance(a, b)
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-5, abs=1e-6)
    scaled = frechet_distance(statistics(x * scale), statistics(y * scale))
    assert scaled == pytest.approx(scale**2 * distance, rel=1e-5, abs=1e-6)


def test_a_shift_alone_costs_its_square() -> None:
    x = _features(0, 100, 3)
    assert frechet_distance(statistics(x), statistics(x + 2.0)) == pytest.approx(12.0, rel=1e-9)


def test_commuting_covariances_have_a_closed_form() -> None:
    left, right = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 1.0, 0.0]).double()
    zero = torch.zeros(3, dtype=torch.float64)
    a, b = GaussianStatistics(9, zero, torch.diag(left)), GaussianStatistics(9, zero, torch.diag(right))
    assert frechet_distance(a, b) == pytest.approx(float((left.sqrt() - right.sqrt()).square().sum()))
    torch.testing.assert_close(shared_spectrum(a.covariance, b.covariance), torch.tensor([0.0, 2.0, 2.0]).double())


def test_fewer_samples_than_dimensions_are_no_obstacle() -> None:
    a, b = statistics(_features(0, 5, 20)), statistics(_features(1, 7, 20))
    assert np.isfinite(frechet_distance(a, b))
    torch.testing.assert_close(square_root(a.covariance) @ square_root(a.covariance), a.covariance)


@pytest.mark.parametrize(("n", "m"), [(22, 40), (2, 3), (48, 48), (49, 20), (20, 90)])
def test_few_rows_have_the_distance_of_their_statistics(n: int, m: int) -> None:
    generator = torch.Generator().manual_seed(n)
    first, second = (torch.randn(rows, 48, generator=generator).exp() for rows in (n, m))
    expected = frechet_distance(statistics(first), statistics(second))
    assert frechet_distance_of(first, second) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance_of(first, first) == pytest.approx(0.0, abs=1e-5 * expected)


def test_one_sample_has_no_covariance() -> None:
    running = RunningStatistics()
    running.update(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="at least two"):
        running.result()
