"""Files and folders appear whole or not at all, and what keeps them from being written is told by their own names."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
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


REPLACE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from diorama.core import files

renames = []
def replace(source, target, rename=os.replace):
    renames.append(source)
    if len(renames) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

files.os.replace = replace
with files.fresh_folder(Path(sys.argv[1])) as folder:
    (folder / "a").write_text("new")
"""


def test_a_kill_between_the_two_renames_loses_neither_copy(tmp_path: Path) -> None:
    with files.fresh_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("old")
    killed = subprocess.run([sys.executable, "-c", REPLACE_AND_DIE, str(tmp_path / "out")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    files.sweep(tmp_path)
    assert (tmp_path / "out" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_sweep_removes_what_is_half_written_half_removed_or_replaced(tmp_path: Path) -> None:
    for name in ("kept", ".kept.replaced-7", ".new.partial-7", ".gone.removed-7"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    (tmp_path / ".file.json.partial-7").touch()
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "a").read_text() == "kept"


def test_of_several_older_copies_the_newest_is_put_back(tmp_path: Path) -> None:
    for age, pid in ((20, 7), (10, 8), (30, 9)):
        copy = tmp_path / f".out.replaced-{pid}"
        copy.mkdir()
        (copy / "a").write_text(str(age))
        os.utime(copy, (10**9 - age, 10**9 - age))
    files.sweep(tmp_path)
    assert (tmp_path / "out" / "a").read_text() == "10"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with files.fresh_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("old")
    rename = os.replace

    def refuse(source: Path, target: Path) -> None:
        if ".partial-" in source.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="Input/output"), files.fresh_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("new")
    assert (tmp_path / "out" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_removed_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out" / "deep").mkdir(parents=True)
    files.remove_folder(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
