"""What stands beside the records of a split, as records of their own: what models that draw it are held against."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.data.dataset import Split
from diorama.data.side_values import TARGET, Side


class PartnerSplit(Split):
    """The partners of a split's records, in the order of these, with their labels and paths, and without sides.

    Args:
        split: the records.
        side: that holds the partners, one of each.
    """

    def __init__(self, split: Split, side: Side) -> None:
        media = side.spec.media
        assert media is not None, "partners are pictures"
        named = hashlib.sha256(f"{split.info.sha256}|{side.spec.key}".encode()).hexdigest()
        info = replace(split.info, media=media, sides=(), sha256=named)
        super().__init__(
            split.name, info, split._rows, split._shards, split._facts_file.parent, generator=split.generator
        )
        self._side = side

    def record(self, index: int) -> NDArray[Any]:
        """See :meth:`Split.record`."""
        found: NDArray[Any] = self.stored(np.array([index]))[0]
        return found

    def stored(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """See :meth:`Split.stored`."""
        return self._side.stored(self._side.firsts[np.asarray(indices, dtype=np.int64)])

    def shapes(self) -> list[tuple[int, ...]]:
        """See :meth:`Split.shapes`."""
        return [self.record_shape] * len(self)


def partners_of(split: Split) -> Split | None:
    """What stands beside the records of a split, as records: their partners, or the same split of the second set.

    Returns:
        ``None`` where nothing does.
    """
    if split.second is not None:
        return split.second
    side = split.sides.get(TARGET)
    return None if side is None or side.spec.media is None else PartnerSplit(split, side)
