"""Given pictures never meet the noise that they may have been drawn from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from diorama.tasks.seeds import seed_for_given


@given(seed=st.integers(0, 2**63 - 1))
def test_the_noise_is_that_of_another_seed_than_samples_have(seed: int) -> None:
    assert seed_for_given(seed) != seed
    assert 0 <= seed_for_given(seed) < 2**63


def test_other_seeds_give_other_noise() -> None:
    assert len({seed_for_given(seed) for seed in range(1_000)}) == 1_000
