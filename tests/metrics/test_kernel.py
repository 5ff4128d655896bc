"""The kernel distance is unbiased, and its parts add up."""

from __future__ import annotations

import pytest
import torch

from diorama.metrics import kernel
from diorama.metrics.kernel import cubic_kernel, draw_subsets, kernel_distances, kernel_noise, squared_mmd


def _draw(seed: int, n: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift


def test_agrees_with_the_sum_over_pairs() -> None:
    x, y = _draw(0, 7), _draw(1, 5, 0.3)
    xx = sum(float(cubic_kernel(x[[i]], x[[j]])) for i in range(7) for j in range(7) if i != j) / 42
    yy = sum(float(cubic_kernel(y[[i]], y[[j]])) for i in range(5) for j in range(5) if i != j) / 20
    xy = sum(float(cubic_kernel(x[[i]], y[[j]])) for i in range(7) for j in range(5)) / 35
    assert squared_mmd(x, y) == pytest.approx(xx + yy - 2 * xy)


def test_blocks_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _draw(0, 50), _draw(1, 30, 0.2)
    whole = squared_mmd(x, y)
    monkeypatch.setattr(kernel, "BLOCK", 7)
    assert squared_mmd(x, y) == pytest.approx(whole, rel=1e-12)


def test_unbiased_at_equal_distributions() -> None:
    values = torch.tensor([squared_mmd(_draw(2 * i, 20), _draw(2 * i + 1, 20)) for i in range(200)])
    assert abs(float(values.mean())) < 3 * float(values.std()) / 200**0.5
    assert (values < 0).any()


def test_noise_predicts_the_spread_at_equal_distributions() -> None:
    values = torch.tensor([squared_mmd(_draw(2 * i, 40), _draw(2 * i + 1, 40)) for i in range(300)])
    predicted = 2 * kernel_noise(_draw(1000, 500), _draw(1001, 500)) * (2 / 40) ** 2
    assert float(values.var()) == pytest.approx(predicted, rel=0.35)


def test_subsets_repeat_by_seed_and_never_repeat_inside() -> None:
    first, second = (draw_subsets(20, 9, subsets=3, size=50, seed=4) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert first[0].shape == (3, 9)
    assert all(len(set(row.tolist())) == 9 for row in first[0])


def test_subset_distances_are_those_of_the_subsets() -> None:
    x, y = _draw(0, 30), _draw(1, 30, 1.0)
    chosen = draw_subsets(30, 30, subsets=2, size=10, seed=0)
    found = kernel_distances(x, y, chosen)
    assert float(found[1]) == pytest.approx(squared_mmd(x[chosen[0][1]], y[chosen[1][1]]))
