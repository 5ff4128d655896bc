"""Exposures that follow a rater's answers: the adaptive staircase of HYPE_time.

Reference: S. Zhou, M. L. Gordon, R. Krishna et al. 2019, "HYPE: A benchmark for human eye perceptual evaluation of
generative models", NeurIPS, arXiv:1904.01121 (HYPE_time); H. Levitt 1971, JASA 49 (transformed up-down methods).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diorama.metrics.judgement.paired import Integers

_SHORTEST_MS, _LONGEST_MS = 50, 60_000
_MOST_STREAK, _MOST_BLOCKS = 20, 20

SETTLED = 50
"""Judgements of a block from which its modal exposure is where the staircase went, and not where it came from."""


@dataclass(frozen=True, kw_only=True)
class Staircase:
    """Some right answers in a row shorten the exposure, one wrong answer lengthens it.

    The defaults are the paper's, but for its three blocks.

    Args:
        start_ms: the exposure with which every block begins, in milliseconds.
        shortest_ms: that is ever shown.
        longest_ms: likewise.
        shorter_by_ms: by how much a row of right answers shortens.
        longer_by_ms: by how much a wrong answer lengthens.
        streak: right answers in a row that shorten; the row then begins anew.
        blocks: staircases of each rater one after another, of equally many judgements.
    """

    start_ms: int = 500
    shortest_ms: int = 100
    longest_ms: int = 1_000
    shorter_by_ms: int = 30
    longer_by_ms: int = 10
    streak: int = 3
    blocks: int = 1

    def __post_init__(self) -> None:
        if not _SHORTEST_MS <= self.shortest_ms <= self.start_ms <= self.longest_ms <= _LONGEST_MS:
            raise ValueError(
                f"shortest_ms, start_ms and longest_ms must rise within [{_SHORTEST_MS}, {_LONGEST_MS}], got "
                f"{self.shortest_ms}, {self.start_ms}, {self.longest_ms}"
            )
        for name in ("shorter_by_ms", "longer_by_ms"):
            if not 1 <= getattr(self, name) <= self.longest_ms:
                raise ValueError(f"{name} must be in [1, {self.longest_ms}], got {getattr(self, name)}")
        if not 1 <= self.streak <= _MOST_STREAK:
            raise ValueError(f"streak must be in [1, {_MOST_STREAK}], got {self.streak}")
        if not 1 <= self.blocks <= _MOST_BLOCKS:
            raise ValueError(f"blocks must be in [1, {_MOST_BLOCKS}], got {self.blocks}")

    def step(self, ms: Integers, row: Integers, right: NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """One answer in each of many staircases.

        Args:
            ms: (…) exposures that were shown.
            row: (…) right answers in a row before.
            right: (…) whether this answer was right.

        Returns:
            The next exposures, and the right answers in a row after this one.
        """
        row = np.where(right, row + 1, 0)
        shorter = row >= self.streak
        moved = np.where(shorter, ms - self.shorter_by_ms, np.where(right, ms, ms + self.longer_by_ms))
        return np.clip(moved, self.shortest_ms, self.longest_ms), np.where(shorter, 0, row)

    def exposure(self, right: Sequence[bool]) -> int:
        """For how long a picture is shown after the answers of its block, in milliseconds.

        Args:
            right: whether each answer of the block was right, in order.
        """
        ms, row = np.array(self.start_ms), np.array(0)
        for one in right:
            ms, row = self.step(ms, row, np.array(one))
        return int(ms)

    def block_of(self, place: int, judgements: int) -> int:
        """Which block a judgement belongs to.

        Args:
            place: of the judgement among a rater's, from 0 on; behind the last one, the last block.
            judgements: of a rater.
        """
        return min(place * self.blocks // judgements, self.blocks - 1)
