"""An index of small frames, for finding the nearest ones without comparing all with all.

Frames are divided into about as many cells as a cell has frames, by k-means, and a query is compared with the frames of
the cells nearest to it alone (an inverted file). So n queries among n frames cost n to the power of 1.5.

Reference: H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search", TPAMI 2011, section IV
(the inverted file, here without quantized residuals).
"""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray

from diorama.data.workers import in_order

CELLS_ASKED = 8
"""Cells that a query is compared with."""

KEPT = 32
"""Nearest frames kept of one query."""

_CELLS_AT_MOST = 4096
_SAMPLE, _ROUNDS = 8_192, 4
_AT_ONCE, _ROWS = 1 << 21, 4096


class FrameIndex:
    """Frames divided into cells.

    Args:
        frames: (m, d) float16, m >= 1.
        owners: (m,) whose frame each is; a query is never answered with frames of its own.
        bounds: (m,) the largest distance at which another frame is near to each.
    """

    def __init__(self, frames: NDArray[np.float16], owners: NDArray[np.intp], bounds: NDArray[np.float32]) -> None:
        self._centres = _centres(frames)
        cells = self._cells(frames, 1)[:, 0]
        # Stable, so that the answers do not depend on how a sort breaks ties.
        self._order = np.argsort(cells, kind="stable")
        self._edges = np.searchsorted(cells[self._order], np.arange(len(self._centres) + 1))
        self._frames, self._owners, self._bounds = frames[self._order], owners[self._order], bounds[self._order]

    def nearest(
        self, queries: NDArray[np.float16], owners: NDArray[np.intp], bounds: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The frames near to each query, at most 32 of them.

        Args:
            queries: (n, d) float16.
            owners: (n,).
            bounds: (n,) the largest distance at which a frame is near, where the frame's own is not smaller.

        Returns:
            Numbers of queries and of frames, (k,) each, ordered by query and distance.
        """
        cells = self._cells(queries, CELLS_ASKED)
        asked = cells.shape[1]
        order = np.argsort(cells.ravel(), kind="stable")
        edges = np.searchsorted(cells.ravel()[order], np.arange(len(self._centres) + 1))

        def of_cell(cell: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]:
            """What is near to the queries that ask a cell."""
            asking = order[edges[cell] : edges[cell + 1]] // asked
            step = max(1, _AT_ONCE // max(1, int(self._edges[cell + 1] - self._edges[cell])))
            lots = [asking[i : i + step] for i in range(0, len(asking), step)]
            return [self._in_cell(cell, lot, queries[lot], owners[lot], bounds[lot]) for lot in lots]

        found = [_NOTHING]
        for lots in in_order(of_cell, range(len(self._centres)), workers=os.cpu_count() or 1):
            found += lots
        row, column, distance = (np.concatenate(values) for values in zip(*found, strict=True))
        order = np.lexsort((column, distance, row))
        row, column = row[order], column[order]
        kept = np.arange(len(row)) - np.searchsorted(row, row) < KEPT
        return row[kept], self._order[column[kept]]

    def _cells(self, frames: NDArray[np.float16], count: int) -> NDArray[np.intp]:
        """(n, count) the nearest cells of each, or all cells where there are fewer."""
        count = min(count, len(self._centres))

        def nearest(start: int) -> NDArray[np.intp]:
            distances = _distances(frames[start : start + _ROWS], self._centres)
            return (
                np.argpartition(distances, count - 1, axis=1)[:, :count] if count > 1 else distances.argmin(1)[:, None]
            )

        return np.concatenate(list(in_order(nearest, range(0, len(frames), _ROWS), workers=os.cpu_count() or 1)))

    def _in_cell(
        self,
        cell: int,
        numbers: NDArray[np.intp],
        queries: NDArray[np.float16],
        owners: NDArray[np.intp],
        bounds: NDArray[np.float32],
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Numbers of queries, places of frames and squared distances; of each query the nearest alone."""
        first, end = self._edges[cell], self._edges[cell + 1]
        distances = _distances(queries, self._frames[first:end])  # (n, members), squared
        near = distances <= np.square(np.minimum(bounds[:, None], self._bounds[None, first:end]))
        near &= owners[:, None] != self._owners[None, first:end]
        crowded = np.flatnonzero(near.sum(1) > KEPT)
        if len(crowded):
            only = np.where(near[crowded], distances[crowded], np.inf)
            far = np.argpartition(only, KEPT, axis=1)[:, KEPT:]
            near[crowded[:, None], far] = False
        row, column = np.divmod(np.flatnonzero(near), near.shape[1])
        return numbers[row], column + first, distances[row, column]


_NOTHING = (np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))


def _centres(frames: NDArray[np.float16]) -> NDArray[np.float32]:
    """(k, d), by a few rounds of k-means on frames taken at equal steps: the same frames give the same centres."""
    count = max(1, min(round(len(frames) ** 0.5), _CELLS_AT_MOST))
    sample = frames[:: max(1, len(frames) // max(_SAMPLE, 4 * count))].astype(np.float32)
    centres = sample[np.linspace(0, len(sample) - 1, count).astype(int)].copy()
    for _ in range(_ROUNDS):
        own = _distances(sample, centres).argmin(1)
        order = np.argsort(own, kind="stable")
        filled, first = np.unique(own[order], return_index=True)
        sizes = np.diff(np.append(first, len(own)))
        centres[filled] = np.add.reduceat(sample[order], first, axis=0) / sizes[:, None].astype(np.float32)
    return centres


def _distances(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, m) squared distances, none below 0."""
    first, second = (torch.from_numpy(values).to(torch.float32) for values in (one, other))
    squares = [torch.linalg.vector_norm(values, dim=1).square() for values in (first, second)]
    # One product does it all: the squares are two more columns.
    left = torch.cat([-2 * first, squares[0][:, None], torch.ones(len(first), 1)], dim=1)
    right = torch.cat([second, torch.ones(len(second), 1), squares[1][:, None]], dim=1)
    found: NDArray[np.float32] = (left @ right.T).clamp_(min=0).numpy()
    return found
