"""Data by whatever name a user gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data import raw
from diorama.data.prepare_options import PrepareOptions
from diorama.data.raw import AS_IT_IS, MeasuredAs, OneSplit, open_any, open_whole
from diorama.data.sources.open import open_source
from diorama.media.video import write_video
from tests.data.pictures import folder_of, packed, picture, save


def test_prepared_folders_are_opened_as_they_are(tmp_path: Path) -> None:
    packed(tmp_path / "d", 3)
    assert open_any(tmp_path / "d", tmp_path / "cache").info.count == 3
    assert not (tmp_path / "cache").exists()


def test_a_small_raw_folder_is_prepared_once_and_anew_when_it_changes(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "cats", 5)
    first = open_any(source, tmp_path / "cache")
    assert first.info.name == "cats"
    assert open_any(source, tmp_path / "cache").path == first.path
    save(picture(9), source / "new.png")
    second = open_any(source, tmp_path / "cache")
    assert second.path != first.path
    assert sum(second.splits.values()) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "cats"]


def test_one_file_is_a_source_too(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "one.png")
    assert open_any(str(tmp_path / "one.png"), tmp_path / "cache").splits == {"train": 1}


def test_whoever_comes_second_uses_what_the_first_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folder_of(tmp_path / "cats", 3)
    first = open_any(source, tmp_path / "cache")
    monkeypatch.setattr(raw, "is_prepared", lambda path: Path(path) == first.path and (Path(path) / "raced").exists())
    (first.path / "raced").touch()
    raw._prepare_once(source, first.path, PrepareOptions(name="cats"))
    assert [path.name for path in first.path.parent.iterdir()] == [first.path.name]


def test_the_world_is_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.data.sources.world.PICTURES", 8)
    monkeypatch.setattr("diorama.data.sources.world.CLIPS", 2)
    assert open_any("world", tmp_path).info.media.kind == "image"
    assert open_any("world-video", tmp_path).info.media.kind == "video"


def test_missing_and_large_sources_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        open_any(tmp_path / "nowhere", tmp_path / "cache")
    with pytest.raises(BadInput, match="did you mean 'world'"):
        open_any("wrold", tmp_path / "cache")
    monkeypatch.setattr(raw, "FILES_AT_MOST", 2)
    with pytest.raises(BadInput, match="diorama prepare"):
        open_any(folder_of(tmp_path / "big", 3), tmp_path / "cache")


def test_a_raw_source_is_measured_whole_and_at_its_own_size(tmp_path: Path) -> None:
    for number in range(10):
        save(picture(number, (96, 80)), tmp_path / "real" / f"{number}.png")
    measured = open_whole(tmp_path / "real", tmp_path / "cache", AS_IT_IS)
    assert measured.splits == {"train": 10}
    assert (measured.info.media.height, measured.info.media.width) == (96, 80)
    assert np.array_equal(measured.split("train").record(3), picture(3, (96, 80)))
    # Training still takes the defaults, from a place of its own.
    trained = open_any(tmp_path / "real", tmp_path / "cache")
    assert trained.info.media.height == 64
    assert trained.splits["train"] < 10


def test_a_source_of_several_sizes_is_refused_with_the_way_out(tmp_path: Path) -> None:
    save(picture(0, (32, 32)), folder_of(tmp_path / "real", 4) / "odd.png")
    with pytest.raises(BadInput, match=r"real: records have 2 sizes: 4 of 24x24 \('000.png'\), 1 of 32x32.*--size N"):
        open_whole(tmp_path / "real", tmp_path / "cache", AS_IT_IS)
    fitted = open_whole(tmp_path / "real", tmp_path / "cache", MeasuredAs(size=16))
    assert (fitted.splits, fitted.info.media.height) == ({"train": 5}, 16)


@pytest.mark.parametrize(("split", "count"), [(None, 9), ("train", 5), ("val", 1), ("test", 3)])
def test_own_splits_are_measured_together_or_one_of_them(split: str | None, count: int, tmp_path: Path) -> None:
    for name, first, last in (("train", 0, 5), ("val", 5, 6), ("test", 6, 9)):
        for number in range(first, last):
            save(picture(number), tmp_path / "real" / name / f"{number}.png")
    measured = open_whole(tmp_path / "real", tmp_path / "cache", MeasuredAs(split=split))
    assert measured.splits == {"train": count}
    which = "all splits" if split is None else f"the split {split}"
    assert f"{which} of test (3), train (5), val (1)" in measured.manifest["notes"]


def test_a_split_that_a_source_does_not_name_is_refused(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "real", 3)
    with pytest.raises(BadInput, match="real: names no splits, so there is no 'test'"):
        open_whole(source, tmp_path / "cache", MeasuredAs(split="test"))
    for name in ("train", "val"):
        folder_of(tmp_path / "named" / name, 3)
    with pytest.raises(BadInput, match="has no split 'test', only train, val"):
        list(OneSplit(open_source(tmp_path / "named"), "test").items())


def test_whole_clips_keep_every_frame_whatever_their_rate(tmp_path: Path) -> None:
    frames = np.stack([picture(number, (16, 16)) for number in range(70)])
    for number, rate in enumerate((4.0, 25.0)):
        write_video(tmp_path / "real" / f"{number}.mp4", frames, rate)
    measured = open_whole(tmp_path / "real", tmp_path / "cache", AS_IT_IS)
    assert (measured.splits, measured.info.media.frames) == ({"train": 2}, 70)
    assert measured.split("train").fps(np.arange(2)).tolist() == [4.0, 25.0]
    write_video(tmp_path / "real" / "2.mp4", frames[:60], 4.0)
    with pytest.raises(BadInput, match=r"2 of 70 frames .*1 of 60 frames.*prepare .*--frames N"):
        open_whole(tmp_path / "real", tmp_path / "cache", AS_IT_IS)


def test_wide_pictures_are_measured_as_pictures_unless_clips_are_wanted(tmp_path: Path) -> None:
    for number in range(4):
        save(picture(number, (16, 128)), tmp_path / "real" / f"{number}.png")
    assert open_whole(tmp_path / "real", tmp_path / "cache", AS_IT_IS).info.media.width == 128
    clips = open_whole(tmp_path / "real", tmp_path / "cache", MeasuredAs(clips=True)).info.media
    assert (clips.frames, clips.width) == (8, 16)


def test_what_is_too_large_to_be_measured_is_refused_with_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "MEASURED_FILES_AT_MOST", 2)
    with pytest.raises(BadInput, match="--size None --split 1,0,0"):
        open_whole(folder_of(tmp_path / "big", 3), tmp_path / "cache", AS_IT_IS)
