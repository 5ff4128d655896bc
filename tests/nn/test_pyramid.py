"""Sizes that halve down to a small map."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadConfig
from diorama.nn.pyramid import LARGEST, SMALLEST, pyramid


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 64), (4, (4, 4))), ((32, 32), (3, (4, 4))), ((28, 28), (2, (7, 7))), ((96, 64), (4, (6, 4)))],
)
def test_known_sizes(size: tuple[int, int], expected: tuple[int, tuple[int, int]]) -> None:
    assert pyramid(size) == expected


@settings(deadline=None)
@given(height=st.integers(1, 600), width=st.integers(1, 600))
def test_halvings_give_the_size_back_or_the_size_is_named(height: int, width: int) -> None:
    try:
        steps, (h, w) = pyramid((height, width))
    except BadConfig:
        with pytest.raises(BadConfig, match=f"{height} x {width}"):
            pyramid((height, width))
    else:
        assert (h << steps, w << steps) == (height, width)
        assert min(h, w) >= SMALLEST
        assert max(h, w) <= LARGEST
