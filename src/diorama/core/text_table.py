"""Tables of plain text, for terminals."""

from __future__ import annotations

from collections.abc import Collection, Sequence

GAP = "  "
"""Between two columns."""


def aligned(rows: Sequence[Sequence[str]], right: Collection[int]) -> list[str]:
    """A line for each row, with its cells in columns.

    Args:
        rows: of equally many cells.
        right: columns whose cells end at the same place, as numbers do; all others begin there.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
