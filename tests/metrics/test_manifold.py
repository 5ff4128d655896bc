"""Precision, recall, density and coverage agree with their authors' code, in any block size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prdc import compute_prdc

from diorama.metrics import manifold as module
from diorama.metrics.manifold import manifold, neighbour_distances


def _draw(seed: int, n: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize("k", [3, 5])
def test_agrees_with_prdc(k: int, capsys: pytest.CaptureFixture[str]) -> None:
    real, fake = _draw(0, 120), _draw(1, 90, 0.4)
    expected = compute_prdc(real.numpy().astype(np.float64), fake.numpy().astype(np.float64), k)
    capsys.readouterr()
    found = manifold(fake, real, k=k)
    for name in ("precision", "recall", "density", "coverage"):
        assert float(getattr(found, name).double().mean()) == pytest.approx(expected[name], abs=1e-9), name


def test_blocks_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = _draw(0, 70), _draw(1, 40, 0.4)
    whole = manifold(fake, real, k=3)
    monkeypatch.setattr(module, "BLOCK", 9)
    parts = manifold(fake, real, k=3)
    assert all(torch.equal(getattr(whole, name), getattr(parts, name)) for name in ("precision", "recall", "coverage"))


def test_the_same_set_is_covered_wholly() -> None:
    real = _draw(0, 30)
    found = manifold(real, real, k=3, inclusive=True)
    assert bool(found.precision.all())
    assert bool(found.recall.all())


def test_far_apart_nothing_is_covered() -> None:
    found = manifold(_draw(0, 30), _draw(1, 30, 100.0), k=3)
    assert not found.precision.any()
    assert not found.recall.any()
    assert not found.coverage.any()


def test_repeats_lower_coverage_but_not_precision() -> None:
    real, fake = _draw(0, 200), _draw(1, 200)
    whole, repeated = manifold(fake, real, k=5), manifold(fake[:5].repeat(40, 1), real, k=5)
    assert repeated.coverage.double().mean() < 0.5 * whole.coverage.double().mean()
    assert repeated.precision.double().mean() > 0.5 * whole.precision.double().mean()


def test_neighbours_need_more_points_than_k() -> None:
    with pytest.raises(ValueError, match="more than 3 points"):
        neighbour_distances(torch.zeros(3, 2), 3)
