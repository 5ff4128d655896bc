"""Sizes of pictures as they are typed."""

from __future__ import annotations

from typing import Annotated

from diorama.cli.arguments import one_word
from diorama.core.errors import BadConfig


def parse_side(text: str) -> int | None:
    """``"64"``, or ``"64x64"`` by another name; ``"None"`` keeps sizes.

    Raises:
        BadConfig: no size, or one that is not square.
    """
    if text == "None":
        return None
    sides = text.lower().replace("×", "x").split("x")
    # A number that no picture can have is refused by its option's own words.
    if len(sides) > 2 or not all(side.strip().lstrip("-").isdecimal() for side in sides):
        raise BadConfig(f"{text!r}: expected a side in pixels, such as 64 or 64x64")
    if int(sides[0]) != int(sides[-1]):
        raise BadConfig(
            f"{text!r}: records are square, so one side is enough, such as {min(int(sides[0]), int(sides[-1]))}; "
            "--fit crop or --fit pad says how other shapes become square"
        )
    return int(sides[0])


Side = Annotated[int | None, one_word(parse_side, "N|NxN", optional=True)]
"""The side of square records; ``None`` keeps sizes."""
