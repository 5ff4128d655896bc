"""Which steps sections and strides visit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.sections import SectionSpacing, StrideSpacing


def _visited(spacing: SectionSpacing | StrideSpacing, steps: int, count: int | None = None) -> list[int]:
    times = spacing.times(DiscreteProcess(steps=steps), count).tolist()
    assert times[-1] == 0
    return [int(t) for t in reversed(times[:-1])]


@given(sizes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), min_size=1, max_size=5))
def test_each_section_is_walked_from_its_first_step_to_its_last(sizes: list[tuple[int, int]]) -> None:
    size = max(count + more for count, more in sizes)
    counts = tuple(count for count, _ in sizes)
    if not size or not sum(counts):
        return
    visited = _visited(SectionSpacing(counts=counts), size * len(sizes))
    for i, count in enumerate(counts):
        inside = [t for t in visited if i * size < t <= (i + 1) * size]
        assert len(inside) == count
        if count:
            assert inside[0] == i * size + 1
        if count > 1:
            assert inside[-1] == (i + 1) * size


def test_one_section_takes_as_many_steps_as_are_asked_for() -> None:
    assert _visited(SectionSpacing(), 10) == list(range(1, 11))
    assert _visited(SectionSpacing(), 10, 4) == [1, 4, 7, 10]
    assert _visited(SectionSpacing(counts=(2, 1)), 5) == [1, 3, 4]


def test_a_stride_is_the_least_that_gives_the_number() -> None:
    assert _visited(StrideSpacing(), 10, 5) == [1, 3, 5, 7, 9]
    assert _visited(StrideSpacing(), 10, 4) == [1, 4, 7, 10]
    assert _visited(StrideSpacing(), 10) == list(range(1, 11))


@pytest.mark.parametrize(
    ("spacing", "count", "message"),
    [
        (StrideSpacing(), 6, "no whole stride"),
        (SectionSpacing(counts=(2, 3)), 4, "visit 5 in all"),
        (SectionSpacing(counts=(6, 1)), None, "a section of 5"),
        (SectionSpacing(), 11, "between 1 and 10"),
    ],
)
def test_what_cannot_be_visited_is_refused(
    spacing: SectionSpacing | StrideSpacing, count: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        spacing.times(DiscreteProcess(steps=10), count)
    with pytest.raises(ValueError, match=r"^spacing: visits steps of a discrete process"):
        spacing.times(FlowProcess(), 4)
