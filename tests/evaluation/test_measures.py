"""Every measure of features has a value and an interval that belong together."""

from __future__ import annotations

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.evaluation import measures
from diorama.evaluation.measures import MEASURES, Pair, check_enough, check_finite


def _pair(shift: float = 0.0, n: int = 200, group: int = 1) -> Pair:
    generator = torch.Generator().manual_seed(0)
    return Pair(torch.randn(n, 6, generator=generator) + shift, torch.randn(n, 6, generator=generator), group=group)


@pytest.mark.parametrize("name", sorted(MEASURES))
@pytest.mark.parametrize("group", [1, 4])
def test_values_and_intervals_are_finite(name: str, group: int) -> None:
    value, interval = MEASURES[name].take(_pair(0.5, group=group))
    assert interval.low <= interval.high
    assert interval.level == 0.95
    assert interval.method
    if name not in ("fd", "kid"):
        assert interval.low <= value <= interval.high


@pytest.mark.parametrize("name", ["fd", "kid"])
def test_distances_reach_nought_for_equal_distributions_only(name: str) -> None:
    assert MEASURES[name].take(_pair())[1].low == 0
    assert MEASURES[name].take(_pair(1.5))[1].low > 0


def test_kernel_intervals_cover_equal_distributions() -> None:
    covered = 0
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        pair = Pair(torch.randn(60, 4, generator=generator), torch.randn(80, 4, generator=generator))
        covered += MEASURES["kid"].take(pair)[1].low == 0
    assert covered >= 35


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_shares_fall_as_sets_move_apart(name: str) -> None:
    near, far = MEASURES[name].take(_pair()), MEASURES[name].take(_pair(4.0))
    assert near[0] > far[0]
    assert near[1].low > far[1].high


def test_balls_are_compared_among_at_most_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "BALLS_MOST", 50)
    pair = _pair(n=200, group=4)
    limited = pair.limited
    assert limited is pair.limited
    assert (len(limited.samples), len(limited.reference)) == (48, 48)
    clips = {tuple(clip.flatten().tolist()) for clip in pair.samples.unflatten(0, (-1, 4))}
    assert all(tuple(clip.flatten().tolist()) in clips for clip in limited.samples.unflatten(0, (-1, 4)))
    assert _pair(n=40).limited.samples.shape == (40, 6)


def test_small_sets_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match="fd@lite: needs at least 20 samples, got 3"):
        check_enough("fd@lite", MEASURES["fd"], 3, "samples")


def test_features_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(BadInput, match="not finite"):
        check_finite("lite", torch.tensor([[float("nan")]]), "samples")
