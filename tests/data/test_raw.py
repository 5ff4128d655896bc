"""Data by whatever name a user gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.data import raw
from diorama.data.raw import open_any
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
    raw._prepare_once(source, first.path, "cats")
    assert [path.name for path in first.path.parent.iterdir()] == [first.path.name]


def test_the_world_is_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.data.sources.world.PICTURES", 8)
    monkeypatch.setattr("diorama.data.sources.world.CLIPS", 2)
    assert open_any("world", tmp_path).info.media.kind == "image"
    assert open_any("world-video", tmp_path).info.media.kind == "video"


def test_missing_and_large_sources_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        open_any(tmp_path / "nowhere", tmp_path / "cache")
    monkeypatch.setattr(raw, "FILES_AT_MOST", 2)
    with pytest.raises(BadInput, match="diorama prepare"):
        open_any(folder_of(tmp_path / "big", 3), tmp_path / "cache")
