"""fd@lite2 grows with damage on pictures that its network never saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.lite_monotone import ORDERS, Set, mean_without, measured, prepared, report, spearman, without

from diorama.evaluation.catalog.extractors import LITE2

CIFAR10 = Set("cifar10", None, reference=20_000, samples=4_000)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_fd_at_lite2_follows_every_kind_of_damage_on_cifar10(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    found = report(prepared(real_data("cifar10"), tmp_path / "cifar10", None), CIFAR10, LITE2)
    assert set(found["damage"]) == {"JPEG quality", "blur width", "noise level", "repeated", "classes dropped"}
    for name, kind in found["damage"].items():
        assert kind["spearman"] >= 0.95, name
        assert kind["above_held_out"], name


def test_ranks_follow_the_order() -> None:
    assert spearman([1.0, 2.0, 5.0]) == pytest.approx(1.0)
    assert spearman([5.0, 2.0, 1.0]) == pytest.approx(-1.0)


def test_dropped_classes_are_gone() -> None:
    labels = np.repeat(np.arange(10), 5)
    pool = torch.from_numpy(labels[:, None].copy())
    kept = without(pool, labels, 0.3, 20)
    assert len(kept) == 20
    assert kept.min() >= 3
    others = {frozenset(without(pool, labels, 0.3, 100, order).flatten().tolist()) for order in range(5)}
    assert all(len(each) == 7 for each in others)
    assert len(others) > 1


def test_the_mean_over_orders_lies_among_them() -> None:
    labels = np.repeat(np.arange(10), 8)
    pool = torch.randn(80, 2, generator=torch.Generator().manual_seed(0)) + torch.from_numpy(labels[:, None])
    found = mean_without(pool, labels, 0.5, 30, pool)
    alone = [measured(without(pool, labels, 0.5, 30, order), pool)["value"] for order in range(ORDERS)]
    assert min(alone) < found["value"] < max(alone)
    assert found["samples"] == 30
