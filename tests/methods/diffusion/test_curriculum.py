"""Curricula of consistency training."""

from __future__ import annotations

from itertools import pairwise

import pytest

from diorama.methods.diffusion.curriculum import (
    DoublingCurriculum,
    FixedCurriculum,
    HalvingCurriculum,
    ProgressiveCurriculum,
)


def test_progressive_levels_grow_to_the_last_and_the_target_slows_down() -> None:
    curriculum = ProgressiveCurriculum(first=2, last=150, length=1_000)
    lessons = [curriculum.at(done) for done in range(0, 1_001, 50)]
    assert lessons[0].levels == 2
    assert lessons[-1].levels == curriculum.at(2_000).levels == 151
    assert [lesson.levels for lesson in lessons] == sorted(lesson.levels for lesson in lessons)
    assert all(later.decay >= earlier.decay for earlier, later in pairwise(lessons))
    assert ProgressiveCurriculum(length=10, decay=0.5, adaptive=False).at(9).decay == 0.5


def test_doubling_levels_are_powers_of_two_apart() -> None:
    # The paper's: from 10 to 1280 in eight stages.
    curriculum = DoublingCurriculum(length=800)
    assert [curriculum.at(done).levels - 1 for done in range(0, 801, 100)] == [
        10, 20, 40, 80, 160, 320, 640, 1280, 1280,
    ]  # fmt: skip
    assert curriculum.at(0).decay == 0


def test_halving_steps_end_at_one_after_longer_last_stages() -> None:
    curriculum = HalvingCurriculum(first=8, stage=10)
    assert [curriculum.at(done).levels for done in (0, 10, 20, 39, 40, 100)] == [8, 4, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (FixedCurriculum, {"levels": 1}),
        (FixedCurriculum, {"decay": 1.5}),
        (ProgressiveCurriculum, {"length": 0}),
        (ProgressiveCurriculum, {"first": 5, "last": 4, "length": 1}),
        (DoublingCurriculum, {"first": 9, "last": 8, "length": 1}),
    ],
)
def test_what_cannot_be_is_refused(kind: type, arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        kind(**arguments)
