"""A rate lets a burst through, then so many in so long, for every key by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.study.limits import Rate, RateLimit, TooOften


def allowed(limit: RateLimit, key: str) -> bool:
    try:
        limit.count(key)
    except TooOften:
        return False
    return True


@given(burst=st.integers(1, 20), seconds=st.floats(0.1, 10), gaps=st.lists(st.floats(0, 5), max_size=60))
def test_no_more_come_through_than_the_rate_allows(burst: int, seconds: float, gaps: list[float]) -> None:
    now = [0.0]
    limit = RateLimit(Rate(burst=burst, seconds=seconds), clock=lambda: now[0])
    through = 0
    for gap in gaps:
        now[0] += gap
        through += allowed(limit, "one")
        assert through <= burst + now[0] / seconds + 1e-6
    assert allowed(limit, "another")


def test_whoever_is_told_to_wait_may_come_after_it() -> None:
    now = [0.0]
    limit = RateLimit(Rate(burst=2, seconds=4), clock=lambda: now[0])
    assert allowed(limit, "one")
    now[0] += 1
    assert allowed(limit, "one")
    with pytest.raises(TooOften) as refused:
        limit.count("one")
    now[0] += refused.value.seconds - 0.01
    assert not allowed(limit, "one")
    now[0] += 0.02
    assert allowed(limit, "one")


def test_long_keys_are_not_kept_whole() -> None:
    limit = RateLimit(Rate(burst=2, seconds=100), clock=lambda: 0.0)
    assert [allowed(limit, "x" * size) for size in (1000, 2000, 64, 63)] == [True, True, False, True]
    assert max(len(key) for key in limit._held) == 64
