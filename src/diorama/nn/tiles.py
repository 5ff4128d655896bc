"""Large pictures through a network part by part, so that memory follows the part and not the picture."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor


def in_tiles(
    network: Callable[[Tensor], Tensor], picture: Float[Tensor, "b c h w"], *, side: int, margin: int, scale: int
) -> Float[Tensor, "b o sh sw"]:
    """What a network makes of a picture, square by square.

    Each square is given to the network with a margin of what lies around it, and the margin of the result is cut off.
    Where nothing further away than the margin matters, the result is that of the whole picture.

    Args:
        network: (b, c, h, w) -> (b, o, scale · h, scale · w).
        picture: of any size.
        side: of the squares, in pixels; the last of a row or column may be smaller.
        margin: pixels around each square, as far as the picture goes.
        scale: how many times higher and wider the result is.
    """
    height, width = picture.shape[2:]
    if max(height, width) <= side:
        return network(picture)
    whole: Tensor | None = None
    for y in range(0, height, side):
        for x in range(0, width, side):
            top, left = max(0, y - margin), max(0, x - margin)
            bottom, right = min(height, y + side), min(width, x + side)
            part = network(picture[..., top : bottom + margin, left : right + margin])
            if whole is None:
                whole = part.new_empty(*part.shape[:2], height * scale, width * scale)
            inner = part[..., (y - top) * scale : (bottom - top) * scale, (x - left) * scale : (right - left) * scale]
            whole[..., y * scale : bottom * scale, x * scale : right * scale] = inner
    assert whole is not None, "a picture has pixels"
    return whole
