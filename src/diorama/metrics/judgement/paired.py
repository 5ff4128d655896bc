"""Judgements of pairs as arrays: which two stood side by side, who judged, and what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEFT, RIGHT, TIE = 0, 1, 2
"""What was chosen, and the last axis of counts."""


@dataclass(frozen=True, kw_only=True)
class PairedJudgements:
    """Judgements of pairs. Those left empty are no judgements and are not here.

    Args:
        names: of the n systems.
        left: (j,) which system stood on the left.
        right: (j,) and on the right.
        choice: (j,) :data:`LEFT`, :data:`RIGHT` or :data:`TIE`.
        rater: (j,) who judged, counted from 0; ``None`` where nobody knows.
        weight: (j,) how many like judgements a row stands for.
    """

    names: tuple[str, ...]
    left: Integers
    right: Integers
    choice: Integers
    rater: Integers | None
    weight: Floats

    @classmethod
    def of(
        cls, rows: Sequence[tuple[str, str, int]], raters: Sequence[str] | None = None, weights: Floats | None = None
    ) -> PairedJudgements:
        """From rows of names.

        Args:
            rows: left, right and choice.
            raters: of every row.
            weights: of every row, by default 1.
        """
        names = tuple(dict.fromkeys(name for left, right, _ in rows for name in (left, right)))
        place = {name: i for i, name in enumerate(names)}
        who = None
        if raters is not None:
            number = {rater: i for i, rater in enumerate(dict.fromkeys(raters))}
            who = np.array([number[rater] for rater in raters], np.int64)
        return cls(
            names=names,
            left=np.array([place[left] for left, _, _ in rows], np.int64),
            right=np.array([place[right] for _, right, _ in rows], np.int64),
            choice=np.array([choice for _, _, choice in rows], np.int64),
            rater=who,
            weight=np.ones(len(rows)) if weights is None else weights,
        )

    @classmethod
    def of_matrices(cls, wins: Floats, ties: Floats | None = None) -> PairedJudgements:
        """From how often the row's system beat the column's (n, n), and symmetric counts of ties (n, n)."""
        names = tuple(str(i) for i in range(len(wins)))
        tied = np.zeros_like(wins) if ties is None else np.triu(ties)
        won, drawn = np.argwhere(wins > 0), np.argwhere(tied > 0)
        both = np.concatenate([won, drawn]).astype(np.int64)
        return cls(
            names=names,
            left=both.min(1),
            right=both.max(1),
            choice=np.concatenate([np.where(won[:, 0] < won[:, 1], LEFT, RIGHT), np.full(len(drawn), TIE)]),
            rater=None,
            weight=np.concatenate([wins[wins > 0], tied[tied > 0]]),
        )

    @cached_property
    def pairs(self) -> Integers:
        """(m, 2) the ordered pairs (left, right) that were judged."""
        codes = np.unique(self.left * len(self.names) + self.right)
        return np.stack(np.divmod(codes, len(self.names)), axis=1)

    @cached_property
    def pair(self) -> Integers:
        """(j,) each judgement's row in :attr:`pairs`."""
        codes = self.pairs[:, 0] * len(self.names) + self.pairs[:, 1]
        return np.searchsorted(codes, self.left * len(self.names) + self.right)

    @cached_property
    def counts(self) -> Floats:
        """(m, 3) how often left, right and tie were chosen of each pair."""
        counts = np.zeros((len(self.pairs), 3))
        np.add.at(counts, (self.pair, self.choice), self.weight)
        return counts

    @property
    def raters(self) -> int:
        """How many raters there are; 0 where nobody knows."""
        return 0 if self.rater is None or not len(self.rater) else int(self.rater.max()) + 1

    def counts_by_rater(self) -> Floats:
        """(raters, m, 3) the counts of each rater.

        Raises:
            ValueError: nobody knows who judged.
        """
        if self.rater is None:
            raise ValueError("these judgements do not say whose they are")
        counts = np.zeros((self.raters, len(self.pairs), 3))
        np.add.at(counts, (self.rater, self.pair, self.choice), self.weight)
        return counts

    def wins(self) -> Floats:
        """(n, n) how often the row's system was preferred to the column's, ties left out."""
        wins = np.zeros((len(self.names),) * 2)
        for winner, loser, chosen in ((self.left, self.right, LEFT), (self.right, self.left, RIGHT)):
            mine = self.choice == chosen
            np.add.at(wins, (winner[mine], loser[mine]), self.weight[mine])
        return wins

    def ties(self) -> Floats:
        """(n, n) how often two systems tied; symmetric."""
        ties = np.zeros((len(self.names),) * 2)
        mine = self.choice == TIE
        np.add.at(ties, (self.left[mine], self.right[mine]), self.weight[mine])
        return ties + ties.T

    def components(self) -> list[tuple[int, ...]]:
        """Systems that comparisons connect, one tuple for each connected part, the largest first."""
        reached = self.wins() + self.wins().T + self.ties() > 0
        return connected(reached)

    def only(self, systems: Sequence[int]) -> PairedJudgements:
        """The judgements of pairs inside some systems; raters keep their numbers."""
        place = np.full(len(self.names), -1)
        place[list(systems)] = np.arange(len(systems))
        keep = (place[self.left] >= 0) & (place[self.right] >= 0)
        return replace(
            self.where(keep),
            names=tuple(self.names[i] for i in systems),
            left=place[self.left[keep]],
            right=place[self.right[keep]],
        )

    def where(self, keep: NDArray[np.bool_]) -> PairedJudgements:
        """The judgements of a mask (j,); systems keep their numbers, raters are counted anew."""
        rater = None if self.rater is None else np.unique(self.rater[keep], return_inverse=True)[1]
        return PairedJudgements(
            names=self.names,
            left=self.left[keep],
            right=self.right[keep],
            choice=self.choice[keep],
            rater=rater,
            weight=self.weight[keep],
        )


def connected(reached: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Connected parts of an undirected graph, given as a symmetric matrix (n, n); the largest first."""
    left, parts = set(range(len(reached))), []
    while left:
        part, frontier = set(), {min(left)}
        while frontier:
            part |= frontier
            frontier = set(np.flatnonzero(reached[list(frontier)].any(0)).tolist()) - part
        parts.append(tuple(sorted(part)))
        left -= part
    return sorted(parts, key=lambda part: (-len(part), part))


def unbeaten_sets(won: NDArray[np.bool_]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Why maximum likelihood has no finite solution: sets of systems that never lost to the others.

    Args:
        won: (n, n) whether the row's system was ever preferred to, or tied with, the column's.

    Returns:
        Pairs of sets: none of the second was ever preferred to one of the first. Empty where the graph of wins is
        strongly connected, so that a solution exists.

    Reference: L. R. Ford Jr. 1957, "Solution of a ranking problem from binary comparisons", Am. Math. Monthly 64.
    """
    reach = won | np.eye(len(won), dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(max(len(won), 2)))))):
        reach = reach @ reach
    found = []
    for i in range(len(won)):
        # Those that reach i by wins: nobody outside was ever preferred to one of them.
        above = tuple(np.flatnonzero(reach[:, i]).tolist())
        below = tuple(np.flatnonzero(~reach[:, i]).tolist())
        if below and (above, below) not in found:
            found.append((above, below))
    return found
