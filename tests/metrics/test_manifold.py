"""Precision, recall, density and coverage agree with their authors' code, in any block size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prdc import compute_prdc

from diorama.metrics import manifold as module
from diorama.metrics.manifold import balls, coverage_influence, manifold, neighbour_distances


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


def test_blocks_change_no_answer_for_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = _draw(0, 80), _draw(1, 40, 0.4)
    whole = manifold(fake, real, k=3, group=4)
    influence = coverage_influence(whole, real, k=3, group=4)
    monkeypatch.setattr(module, "BLOCK", 9)
    parts = manifold(fake, real, k=3, group=4)
    assert torch.equal(whole.recall, parts.recall)
    torch.testing.assert_close(whole.density, parts.density)
    torch.testing.assert_close(influence, coverage_influence(parts, real, k=3, group=4))


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


def test_a_ball_reaches_to_the_kth_other_clip() -> None:
    clips = torch.tensor([[0.0, 0.1, 0.2], [1.0, 1.1, 5.0], [3.0, 3.1, 3.2]]).double()
    rows = clips.flatten()[:, None]  # (9, 1)
    first, second = balls(rows, 1, group=3), balls(rows, 2, group=3)
    # From 0.2 the nearest other clip is at 1.0 and the next at 3.0; from 5.0 they are at 3.2 and 0.2.
    assert first.reach[[2, 5]].tolist() == pytest.approx([0.8, 1.8])
    assert second.reach[[2, 5]].tolist() == pytest.approx([2.8, 4.8])
    with pytest.raises(ValueError, match="more than 3 points, got 3"):
        balls(rows, 3, group=3)


def test_balls_expect_as_many_further_points_as_they_meet() -> None:
    """Of equal distributions the mean density is 1, whatever frames of a clip have in common."""
    densities = []
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        sides = []
        for _ in range(2):
            of_clip = torch.randn(40, 1, 3, generator=generator)
            sides.append((of_clip + 0.3 * torch.randn(40, 5, 3, generator=generator)).flatten(0, 1))
        densities.append(float(manifold(*sides, k=5, group=5).density.mean()))
    assert sum(densities) / 30 == pytest.approx(1, abs=0.06)
    assert balls(_draw(0, 30), 5).expected == 5


def test_influences_add_up_to_how_coverage_moves() -> None:
    """Left out one by one, points move the number of covered ones by their influence, on average and each."""
    real, fake = _draw(0, 120)[:, :2], _draw(1, 120)[:, :2]
    found = manifold(fake, real, k=5)
    influence = coverage_influence(found, real, k=5)
    covered = int(found.coverage.sum())
    kept = ~torch.eye(120, dtype=torch.bool)
    left = [covered - int(manifold(fake, real[row], k=5).coverage.sum()) for row in kept]
    moved = torch.tensor(left, dtype=torch.float64)
    assert float(influence.mean()) == pytest.approx(float(moved.mean()), abs=0.25)
    assert float(torch.corrcoef(torch.stack([influence, moved]))[0, 1]) > 0.5


def test_neighbours_need_more_points_than_k() -> None:
    with pytest.raises(ValueError, match="more than 3 points"):
        neighbour_distances(torch.zeros(3, 2), 3)
