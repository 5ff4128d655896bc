"""A size is one side."""

from __future__ import annotations

import pytest

from diorama.cli.sizes import parse_side
from diorama.core.errors import BadConfig


@pytest.mark.parametrize(
    ("text", "side"), [("64", 64), ("64x64", 64), ("64X64", 64), ("64×64", 64), ("None", None), ("0", 0), ("-3", -3)]
)
def test_a_side_is_read(text: str, side: int | None) -> None:
    assert parse_side(text) == side


@pytest.mark.parametrize(("text", "told"), [("64x48", "such as 48"), ("x", "expected a side"), ("1x2x3", "expected")])
def test_what_is_no_side_is_told(text: str, told: str) -> None:
    with pytest.raises(BadConfig, match=told):
        parse_side(text)
