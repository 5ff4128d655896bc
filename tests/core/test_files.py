"""Files and folders appear whole or not at all, and what keeps them from being written is told by their own names."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from diorama.core import files


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    for value in ({"a": 1}, {"b": [2]}):
        files.write_json(path, value)
    assert path.read_text(encoding="utf-8") == '{\n  "b": [\n    2\n  ]\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_names_with_stray_bytes_are_written_as_escapes_and_read_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xff")
    files.write_json(tmp_path / "file.json", {"name": name})
    content = (tmp_path / "file.json").read_text(encoding="utf-8")
    assert "caf\\udcff" in content
    assert json.loads(content) == {"name": name}


def test_a_full_disk_leaves_the_old_content_and_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    files.write_text(path, "old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as told:
        files.write_text(path, "new")
    assert told.value.filename == str(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_a_folder_is_wanted_is_told_with_the_name_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file") as told:
        files.write_text(tmp_path / "file" / "below", "new")
    assert told.value.filename == str(tmp_path / "file" / "below")
    with pytest.raises(OSError, match="file") as told, files.fresh_folder(tmp_path / "file" / "folder"):
        pass
    assert told.value.filename == str(tmp_path / "file" / "folder")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_appears_when_its_block_ends_well(tmp_path: Path) -> None:
    with files.fresh_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("first")
        assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError), files.fresh_folder(tmp_path / "out") as folder:
        (folder / "missing" / "a").write_text("second")
    assert (tmp_path / "out" / "a").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
