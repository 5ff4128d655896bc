"""Order by arithmetic: permutations, mixtures, draws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.data.order import FLIP, MIX, draws, mixed, shuffled
from diorama.data.schedule import Schedule


@given(count=st.integers(1, 500), seed=st.integers(0, 2**63), epoch=st.integers(0, 10**6))
def test_every_epoch_holds_every_record_once(count: int, seed: int, epoch: int) -> None:
    positions = epoch * count + np.arange(count)
    assert sorted(shuffled(positions, count, seed)) == list(range(count))


def test_epochs_and_seeds_have_different_orders() -> None:
    first, second = shuffled(np.arange(100), 100, 0), shuffled(100 + np.arange(100), 100, 0)
    assert (first != second).mean() > 0.9
    assert (first != shuffled(np.arange(100), 100, 1)).mean() > 0.9


def test_a_position_has_one_record_however_it_is_asked_for() -> None:
    whole = shuffled(np.arange(1_000), 321, 5)
    assert [int(shuffled(np.array([p]), 321, 5)[0]) for p in (0, 320, 321, 999)] == whole[[0, 320, 321, 999]].tolist()


def test_records_spread_evenly_over_places() -> None:
    # Each record stands in the first half of an epoch about every other time.
    epochs = np.stack([shuffled(e * 64 + np.arange(64), 64, 3) for e in range(2_000)])
    share = np.stack([(epochs[:, :32] == record).any(1) for record in range(64)]).mean(1)
    assert np.abs(share - 0.5).max() < 0.06


def test_an_empty_set_has_no_order() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        shuffled(np.arange(3), 0, 0)


_WEIGHTS = st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=6)


@given(weights=_WEIGHTS, seed=st.integers(0, 2**63), first=st.integers(0, 10**12))
def test_places_of_every_set_count_up(weights: list[float], seed: int, first: int) -> None:
    sets, places = mixed(first + np.arange(500), weights, seed)
    for number in range(len(weights)):
        mine = places[sets == number]
        assert mine.tolist() == list(range(mine[0], mine[0] + len(mine))) if len(mine) else True


@given(weights=_WEIGHTS, seed=st.integers(0, 2**63), position=st.integers(0, 10**12))
def test_shares_follow_weights_at_every_position(weights: list[float], seed: int, position: int) -> None:
    sets, places = mixed(np.array([position]), weights, seed)
    share = Fraction(weights[sets[0]]) / sum(map(Fraction, weights))
    # Each set that is split off adds less than one record; the shares themselves are exact to 2^-50 or so.
    assert abs(places[0] - position * share) < len(weights) + 0.01


@given(share=st.floats(1e-7, 4e-4), seed=st.integers(0, 2**63))
def test_a_set_of_the_smallest_share_is_read(share: float, seed: int) -> None:
    def read_before(position: int) -> int:
        """Records that the small set has given before a position."""
        sets, places = mixed(np.array([position]), [1 - share, share], seed)
        return int(places[0] if sets[0] == 1 else position - places[0])

    turn = round(1 / share)
    for first in (0, 1_000 * turn):
        assert 4 <= read_before(first + 5 * turn) - read_before(first) <= 6


def test_every_batch_of_a_mixture_holds_its_share() -> None:
    sets, _ = mixed(np.arange(64_000), [3.0, 1.0], seed=5)
    assert set((sets.reshape(-1, 64) == 1).sum(1).tolist()) == {16}


def test_draws_are_uniform_and_differ_by_name() -> None:
    flips, other = draws(np.arange(20_000), 7, FLIP), draws(np.arange(20_000), 7, MIX)
    assert flips.min() >= 0
    assert flips.max() < 1
    assert abs(flips.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(flips, other)[0, 1]) < 0.03


def test_a_schedule_is_the_same_across_its_blocks() -> None:
    schedule = Schedule([70, 30], [2.0, 1.0], seed=1, flip=True)
    whole = schedule.at(16_300, 200)
    for start in (0, 50, 84, 85, 150):
        part = schedule.at(16_300 + start, 50)
        assert part.records.tolist() == whole.records[start : start + 50].tolist()
        assert part.sets.tolist() == whole.sets[start : start + 50].tolist()
        assert part.mirrored.tolist() == whole.mirrored[start : start + 50].tolist()
