"""Kinds are counted, abstentions are not."""

from __future__ import annotations

from diorama.metrics.modes import count_kinds, covered


def test_counts_leave_abstentions_out() -> None:
    counts = count_kinds([0, 2, None, 2], 4)
    assert counts.tolist() == [1, 0, 2, 0]
    assert covered(counts) == 2


def test_nothing_read_covers_nothing() -> None:
    assert covered(count_kinds([None, None], 3)) == 0
