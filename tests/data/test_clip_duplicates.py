"""The search for clips that show the same: planted copies are found, other clips of the same scene are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.data.clip_duplicates import SIDE, descriptors, near_clips
from diorama.data.duplicates import signatures, small_colours
from diorama.data.frame_index import CELLS_ASKED, KEPT, FrameIndex
from tests.data.pictures import picture, prepared, save

FRAMES, SIZE = 16, 64


def _track(seed: int) -> np.ndarray:
    """(t, 2) a smooth way across the picture."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0, 1, FRAMES)[:, None]
    ends = rng.uniform(6, SIZE - 20, (2, 2))
    return ends[0] + (ends[1] - ends[0]) * times + rng.uniform(-8, 8, 2) * np.sin(np.pi * times)


def _moving(
    track: np.ndarray, colour: tuple[int, int, int], side: int = 10, ground: np.ndarray | None = None
) -> np.ndarray:
    """(t, h, w, 3): a square on its way over a plain black ground, or over a picture."""
    clip = np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)
    clip[:] = 0 if ground is None else ground
    for frame, (down, right) in zip(clip, track.round().astype(int), strict=True):
        frame[down : down + side, right : right + side] = colour
    return clip


def _colour(seed: int) -> tuple[int, int, int]:
    red, green, blue = np.random.default_rng(seed).integers(60, 256, 3)
    return int(red), int(green), int(blue)


def _others(count: int, ground: np.ndarray | None = None) -> list[np.ndarray]:
    return [_moving(_track(seed), _colour(seed), ground=ground) for seed in range(count)]


def _jpeg(clip: np.ndarray, quality: int = 50) -> np.ndarray:
    frames, height, width, channels = clip.shape
    buffer = io.BytesIO()
    flat = clip.transpose(1, 0, 2, 3).reshape(height, frames * width, channels)
    Image.fromarray(flat).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).reshape(height, frames, width, channels).transpose(1, 0, 2, 3)


def _later(clip: np.ndarray, count: int) -> np.ndarray:
    """The clip from a frame on; at its end, something else is shown."""
    rest = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3)).repeat(SIZE // 4, 1).repeat(SIZE // 4, 2)
    return np.concatenate([clip[count:], rest.astype(np.uint8)])


def _twice_as_fast(clip: np.ndarray) -> np.ndarray:
    return np.concatenate([clip[::2], _later(clip, FRAMES // 2)[FRAMES // 2 :]])


def _pairs(clips: list[np.ndarray], items: list[int] | None = None) -> list[tuple[int, int]]:
    stack = np.stack(clips)
    names = np.arange(len(stack)) if items is None else np.array(items)
    places = np.array([int((names[:number] == name).sum()) for number, name in enumerate(names)])
    found = near_clips(signatures(stack), names, places, lambda number: small_colours(stack[number][None], SIDE)[0])
    return [(int(one), int(other)) for one, other in found]


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "recompressed": _jpeg,
    "mirrored": lambda clip: clip[:, :, ::-1],
    "begun later": lambda clip: _later(clip, 8),
    "begun earlier": lambda clip: _later(clip[::-1], 5)[::-1],
    "twice as fast": _twice_as_fast,
    "brightened": lambda clip: np.clip(clip.astype(int) + 8, 0, 255).astype(np.uint8),
    "all at once": lambda clip: _jpeg(_later(clip[:, :, ::-1], 6)),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("wall", [False, True])
def test_copies_are_found_and_nothing_else(how: str, wall: bool) -> None:
    clips = _others(20, picture(1, (SIZE, SIZE)) // 2 if wall else None)
    assert _pairs([*clips, COPIES[how](clips[7])]) == [(7, 20)]


def test_other_colours_sizes_and_ways_are_no_duplicates() -> None:
    track = _track(3)
    clips = [
        _moving(track, (220, 60, 60)),
        _moving(track, (60, 220, 60)),
        _moving(track, (220, 60, 60), side=15),
        _moving(track + np.array([4, 0]), (220, 60, 60)),
        _moving(track[::-1], (220, 60, 60)),
    ]
    assert _pairs(clips) == []


def test_what_stands_still_says_nothing_of_two_clips_of_one_scene() -> None:
    wall = picture(1, (SIZE, SIZE))
    assert _pairs([_moving(_track(seed), (90, 90, 90), side=6, ground=wall) for seed in range(12)]) == []


def test_plain_clips_are_no_duplicates() -> None:
    shades = [np.full((FRAMES, SIZE, SIZE, 3), shade, np.uint8) for shade in (0, 3, 100)]
    assert _pairs(shades) == []


def test_clips_of_one_file_are_not_compared() -> None:
    clip = _moving(_track(3), (220, 60, 60))
    assert _pairs([clip, _jpeg(clip)], [0, 0]) == []
    assert _pairs([clip, _jpeg(clip)], [0, 1]) == [(0, 1)]


def test_parts_too_doubtful_alone_are_judged_by_all_that_two_files_show() -> None:
    rng = np.random.default_rng(0)
    clip = _moving(_track(3), (220, 60, 60))
    noisy = np.clip(clip + rng.normal(0, 18, clip.shape), 0, 255).astype(np.uint8)
    halves = [clip[:8], clip[8:], noisy[:8], noisy[8:]]
    assert _pairs(halves, [0, 1, 2, 3]) == []
    assert _pairs(halves, [0, 0, 1, 1]) == [(0, 2), (1, 3)]


def test_a_few_frames_at_which_short_clips_meet_say_nothing() -> None:
    one, other = (_moving(_track(seed), (220, 60, 60))[:8].copy() for seed in (3, 4))
    other[:5] = one[3:]
    assert _pairs([one, other]) == []


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_clips_are_compared_too(frames: int) -> None:
    clips = [clip[:frames] for clip in _others(6)]
    assert _pairs([*clips, _jpeg(clips[2])]) == [(2, 6)]


def test_many_frames_in_many_cells_answer_as_a_full_comparison_does() -> None:
    rng = np.random.default_rng(0)
    frames = rng.normal(0, 1, (400, 12)).astype(np.float16)
    queries = (frames[::10] + rng.normal(0, 0.02, (40, 12))).astype(np.float16)
    nobody, near = np.full(40, -1), np.full(40, 0.3, np.float32)
    found = FrameIndex(frames, np.arange(400), np.full(400, 0.3, np.float32)).nearest(queries, nobody, near)
    assert len(frames) ** 0.5 > CELLS_ASKED
    distances = np.linalg.norm(queries[:, None].astype(float) - frames[None].astype(float), axis=-1)
    assert list(zip(*found, strict=True)) == list(zip(*np.nonzero(distances <= 0.3), strict=True))


def test_a_query_is_answered_with_the_nearest_of_many_and_none_of_its_own() -> None:
    frames = np.linspace(0, 1, 100, dtype=np.float16)[:, None].repeat(3, 1)
    owners = np.arange(100) // 2
    wide = np.full(100, 9.0, np.float32)
    rows, columns = FrameIndex(frames, owners, wide).nearest(frames[:1], owners[:1], wide[:1])
    assert rows.tolist() == [0] * KEPT
    assert columns.tolist() == list(range(2, 2 + KEPT))


def test_distances_of_descriptors_are_root_mean_square_differences() -> None:
    one, other = (picture(seed, (8, 8)) for seed in (1, 2))
    less = [values - values.astype(float).mean((0, 1)) for values in (one, other)]
    expected = np.sqrt(((less[0] - less[1]) ** 2).mean())
    assert np.linalg.norm(descriptors(one) - descriptors(other)) == pytest.approx(expected, rel=1e-5)


def test_leaks_of_clips_are_listed_with_what_to_do(tmp_path: Path) -> None:
    for number, clip in enumerate(_others(8)):
        save(clip.transpose(1, 0, 2, 3).reshape(SIZE, -1, 3), tmp_path / "in" / "train" / f"{number}.png")
    copy = _later(_others(8)[5], 4)[:, :, ::-1]
    save(copy.transpose(1, 0, 2, 3).reshape(SIZE, -1, 3), tmp_path / "in" / "test" / "copy.jpg")
    _, audit = prepared(tmp_path / "in", tmp_path / "out", size=64, strip=True)
    assert {frozenset(pair) for pair in audit.leaks} == {frozenset({"train/5.png", "test/copy.jpg"})}
    assert any("1 pair of records shows the same" in note and "--group" in note for note in audit.notes)
