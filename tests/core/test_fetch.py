"""Files are fetched once, verified, and an offline machine is told what to do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.core.fetch import Published, fetch

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _published(folder: Path, prefix: str = DIGEST[:8], name: str = "there.bin") -> Published:
    source = folder / "there.bin"
    source.write_bytes(CONTENT)
    return Published(url=source.as_uri().replace("there.bin", name), name="w.bin", prefix=prefix, about="the weights")


def test_fetches_once(tmp_path: Path) -> None:
    file = _published(tmp_path)
    path = fetch(file, tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    (tmp_path / "there.bin").unlink()
    assert fetch(file, tmp_path / "cache") == path
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["w.bin"]


def test_offline_says_where_from_and_where_to(tmp_path: Path) -> None:
    file = _published(tmp_path, name="gone.bin")
    with pytest.raises(BadInput) as problem:
        fetch(file, tmp_path / "cache")
    assert file.url in str(problem.value)
    assert str(tmp_path / "cache" / "w.bin") in str(problem.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="gave another file"):
        fetch(_published(tmp_path, prefix="00000000"), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_file_in_the_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "w.bin").write_bytes(b"half")
    with pytest.raises(BadInput, match=r"w\.bin: is not the weights"):
        fetch(_published(tmp_path), tmp_path / "cache")


def test_the_users_cache_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "home"))
    assert fetch(_published(tmp_path)) == tmp_path / "home" / "weights" / "w.bin"
