"""One process at a time in a folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diorama.core import locks
from diorama.core.errors import BadInput
from diorama.core.locks import holder, only_process


@pytest.fixture(params=["system", "pid"])
def _kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pid":
        monkeypatch.setattr(locks, "fcntl", None)


@pytest.mark.usefixtures("_kind")
def test_a_folder_is_held_once_and_given_back(tmp_path: Path) -> None:
    with only_process(tmp_path):
        with pytest.raises(BadInput, match=f"process {os.getpid()} is at work"), only_process(tmp_path):
            pass
        assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []
    with only_process(tmp_path):
        pass


@pytest.mark.usefixtures("_kind")
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / ".lock").write_bytes(dead.stdout.strip())
    with only_process(tmp_path):
        assert (tmp_path / ".lock").read_text().startswith(str(os.getpid()))


@pytest.mark.skipif(locks.fcntl is None, reason="needs locks of the system")
def test_a_full_disk_leaves_the_folder_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"), only_process(tmp_path):
            pass
    with only_process(tmp_path):
        pass


def test_who_holds_a_folder_can_be_seen_without_disturbing_it(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with only_process(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for content in (dead.stdout.strip(), b"", b"nobody", b"\xff"):
        (tmp_path / ".lock").write_bytes(content)
        assert holder(tmp_path) is None
