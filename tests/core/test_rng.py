"""Random numbers as functions of names."""

from __future__ import annotations

import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from diorama.core.rng import StepNoise, initial_noise
from diorama.core.seeds import fold

COUNTERS = st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3)


@given(COUNTERS, COUNTERS)
def test_other_counters_give_another_seed(first: list[int], second: list[int]) -> None:
    assume(first != second)
    assert fold(*first) != fold(*second)


def test_a_large_counter_is_not_two_small_ones() -> None:
    assert fold(2**32, 0) != fold(0, 1)
    assert fold(2**32 + 5) != fold(5, 1)


def test_every_draw_of_a_step_is_its_own() -> None:
    noise = StepNoise((4,), seed=1, first=0, count=2, device=torch.device("cpu"))
    drawn = [initial_noise((4,), seed=1, first=0, count=2), noise(0), noise(0, 1), noise(0, 2), noise(1), noise(1, 1)]
    assert torch.equal(noise(0), noise(0, 0))
    assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_later_draws_belong_to_their_sample() -> None:
    together = StepNoise((3,), seed=1, first=0, count=4, device=torch.device("cpu"))(7, 2)
    apart = StepNoise((3,), seed=1, first=2, count=1, device=torch.device("cpu"))(7, 2)
    assert torch.equal(together[2:3], apart)
