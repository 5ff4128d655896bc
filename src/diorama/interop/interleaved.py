"""Queries, keys and values in one tensor: side by side for each channel of each head, as EDM and EDM2 publish them."""

from __future__ import annotations

from torch import Tensor


def apart(rows: Tensor, heads: int) -> Tensor:
    """Rows of all queries, then of all keys and of all values, of interleaved ones: (3 heads d, ...).

    Rows that so many heads cannot share are left as they are; that they are misshapen is found out later.
    """
    if not heads or rows.dim() < 1 or rows.shape[0] % (3 * heads):
        return rows
    return rows.unflatten(0, (heads, -1, 3)).movedim(2, 0).flatten(0, 2)


def interleaved(rows: Tensor, heads: int) -> Tensor:
    """The inverse of :func:`apart`."""
    return rows.unflatten(0, (3, heads, -1)).movedim(0, 2).flatten(0, 2)
