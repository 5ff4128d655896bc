"""What stands at each position of a training: which set, which record, mirrored or not, with which caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from diorama.data.order import ALTERNATIVE, FLIP, UNPAIRED, UNPAIRED_FLIP, draws, mixed, seed_of, shuffled

_BLOCK = 1 << 14


@dataclass(frozen=True)
class Chosen:
    """What stands at some positions; each array is (n,).

    Args:
        sets: the set's number.
        records: the record's number within its set.
        mirrored: whether it is mirrored left to right.
        picks: in [0, 1): which of several captions and the like it is read with. All sides of a record are read by
            one pick, so that what was computed from its third caption is read with its third caption.
        unpaired: the number, within the second set beside its own, of the record that is drawn for it; 0 without one.
        unpaired_mirrored: whether that is mirrored.
    """

    sets: NDArray[np.int64]
    records: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    picks: NDArray[np.float64]
    unpaired: NDArray[np.int64]
    unpaired_mirrored: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Chosen]) -> Chosen:
        """Those of several parts, one after another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def __len__(self) -> int:
        return len(self.records)

    def at(self, places: NDArray[np.int64]) -> Chosen:
        """Those at some places."""
        return Chosen(*(getattr(self, field.name)[places] for field in fields(self)))

    def part(self, start: int, stop: int) -> Chosen:
        """Those from ``start`` to before ``stop``."""
        return Chosen(*(getattr(self, field.name)[start:stop] for field in fields(self)))


class Schedule:
    """The order of a training, addressable by position.

    Args:
        counts: records of every set.
        weights: shares of the sets, positive; only their ratio counts.
        seed: of order, mixture, mirroring and picks.
        flip: whether every other record is mirrored, at random.
        seconds: records of the second set beside every set, 0 where there is none; none at all by default.
    """

    def __init__(
        self, counts: Sequence[int], weights: Sequence[float], seed: int, flip: bool, seconds: Sequence[int] = ()
    ) -> None:
        self.seconds = tuple(seconds) or (0,) * len(counts)
        self.counts, self.weights, self.seed, self.flip = tuple(counts), tuple(weights), seed, flip
        # A batch is small, and numpy's cost per call large: positions are worked out by the block.
        self._block = lru_cache(maxsize=8)(self._compute)

    def at(self, start: int, count: int) -> Chosen:
        """What stands at positions ``start`` to before ``start + count``."""
        numbers = range(start // _BLOCK, (start + count - 1) // _BLOCK + 1)
        blocks = [self._block(number) for number in numbers]
        first = start - numbers[0] * _BLOCK
        return (blocks[0] if len(blocks) == 1 else Chosen.joined(blocks)).part(first, first + count)

    def _compute(self, number: int) -> Chosen:
        positions = number * _BLOCK + np.arange(_BLOCK, dtype=np.int64)
        sets, places = mixed(positions, self.weights, self.seed)
        records, unpaired = np.empty_like(places), np.zeros_like(places)
        own = seed_of(self.seed, UNPAIRED)
        for member, count in enumerate(self.counts):
            here = sets == member
            # A seed for each set: two copies of a set are not to run in step.
            records[here] = shuffled(places[here], count, self.seed + member)
            if self.seconds[member]:
                unpaired[here] = shuffled(places[here], self.seconds[member], own + member)
        picks = draws(positions, self.seed, ALTERNATIVE)
        return Chosen(
            sets, records, self._flips(positions, FLIP), picks, unpaired, self._flips(positions, UNPAIRED_FLIP)
        )

    def _flips(self, positions: NDArray[np.int64], name: int) -> NDArray[np.bool_]:
        return draws(positions, self.seed, name) < 0.5 if self.flip else np.zeros(len(positions), bool)
