"""Clips on a constant clock, cut end to end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.data.clips import cut, frame_by_frame, on_clock, whole
from diorama.media.image import Frame


def _frames(times: list[float]) -> list[Frame]:
    return [Frame(np.full((1, 1, 1), number, np.uint8), time) for number, time in enumerate(times)]


def _numbers(frames: object) -> list[int]:
    return [int(frame.ravel()[0]) for frame in frames]  # type: ignore[attr-defined]


@pytest.mark.parametrize("fps", [8.0, 23.976, 25.0])
def test_a_constant_clock_of_the_same_rate_changes_nothing(fps: float) -> None:
    frames = _frames([i / fps for i in range(50)])
    assert _numbers(on_clock(frames, fps)) == list(range(50))


def test_a_third_of_the_rate_takes_every_third_frame() -> None:
    assert _numbers(on_clock(_frames([i / 24 for i in range(48)]), 8)) == list(range(0, 48, 3))


def test_twice_the_rate_repeats_frames() -> None:
    found = _numbers(on_clock(_frames([i / 8 for i in range(16)]), 16))
    assert len(found) == 32
    assert found == sorted(found)
    assert all(found.count(number) >= 1 for number in range(16))


@given(
    steps=st.lists(st.floats(0.001, 0.4), min_size=1, max_size=40),
    fps=st.floats(1.0, 60.0),
    start=st.floats(0.0, 5.0),
)
def test_each_tick_shows_the_nearest_frame(steps: list[float], fps: float, start: float) -> None:
    times = (start + np.concatenate([[0.0], np.cumsum(steps)])).tolist()
    found = _numbers(on_clock(_frames(times), fps))
    for tick, number in enumerate(found):
        time = start + tick / fps
        nearest = min(abs(time - t) for t in times)
        assert abs(time - times[number]) <= nearest + 1e-9
    assert abs(len(found) / fps - (times[-1] - start)) <= 1 / fps + max(steps)


def test_no_frames_give_no_ticks() -> None:
    assert list(on_clock([], 8)) == []
    assert len(list(on_clock(_frames([0.0]), 8))) == 1


def test_clips_are_cut_end_to_end_and_the_rest_dropped() -> None:
    frames = [frame.pixels for frame in _frames([0.0] * 11)]
    clips = list(cut(frames, 4, most=10))
    assert [_numbers(clip) for clip in clips] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(list(cut(frames, 2, most=3))) == 3
    assert list(cut(frames, 12, most=3)) == []


def test_without_a_length_short_clips_stay_whole_and_long_ones_are_cut() -> None:
    frames = [frame.pixels for frame in _frames([0.0] * 70)]
    assert [len(clip) for clip in cut(frames[:64], None, most=9)] == [64]
    assert [len(clip) for clip in cut(frames, None, most=9)] == [16] * 4
    assert list(cut([], None, most=9)) == []


def test_frames_of_several_sizes_are_no_clip() -> None:
    with pytest.raises(ValueError, match="differ"):
        list(cut([np.zeros((2, 2, 1)), np.zeros((2, 3, 1))], 2, most=1))


def _animated(durations: list[float]) -> list[Frame]:
    return [Frame(np.full((1, 1, 1), i, np.uint8), sum(durations[:i]), lasts=d) for i, d in enumerate(durations)]


@pytest.mark.parametrize("step", [0.01, 0.125, 3.0])
def test_frame_by_frame_no_clock_counts(step: float) -> None:
    assert _numbers(frame_by_frame(_frames([0, step, 5 * step, 5.1 * step]))) == [0, 1, 2, 3]
    assert list(frame_by_frame([])) == []


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([0.1, 0.1, 0.1], [0, 1, 2]),
        ([0.2, 0.1, 0.1, 0.3], [0, 0, 1, 2, 3, 3, 3]),  # equal neighbours that a writer joined
        ([0.03, 0.03, 0.04, 0.03], [0, 1, 2, 3]),  # thirds of a tenth, rounded to hundredths
        ([7.0], [0]),
    ],
)
def test_a_long_frame_of_an_animated_picture_counts_as_often_as_it_lasts(
    durations: list[float], expected: list[int]
) -> None:
    assert _numbers(frame_by_frame(_animated(durations))) == expected


def test_a_whole_clip_is_bounded() -> None:
    frames = [np.zeros((2, 2, 1), np.uint8)] * 100
    clip = whole(iter(frames), 400)
    assert clip is not None
    assert clip.shape == (100, 2, 2, 1)
    assert whole(iter(frames), 399) is None
