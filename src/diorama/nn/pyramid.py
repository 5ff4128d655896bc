"""How far a picture can be halved: the depth of networks that end in one small map."""

from __future__ import annotations

from diorama.core.errors import BadConfig

SMALLEST, LARGEST = 4, 15
"""Sides of the coarsest map: the shorter is at least the first, the longer at most the second."""


def pyramid(size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """How often a picture is halved, and to what, so that its shorter side ends between 4 and 7.

    Args:
        size: (height, width) in pixels.

    Returns:
        Number of halvings, and the (height, width) of the coarsest map: ``(4, (4, 4))`` for 64 x 64.

    Raises:
        BadConfig: a side is odd before the map is small enough.
    """
    height, width = size
    steps = 0
    while min(height, width) >= 2 * SMALLEST and height % 2 == 0 and width % 2 == 0:
        height, width, steps = height // 2, width // 2, steps + 1
    if steps == 0 or min(height, width) < SMALLEST or max(height, width) > LARGEST:
        raise BadConfig(
            f"size {size[0]} x {size[1]}: both sides must be {SMALLEST} to {LARGEST} times the same power of two, "
            "at least 8 pixels"
        )
    return steps, (height, width)
