"""Files are fetched once, verified, and an offline machine is told what to do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from diorama.core.errors import BadInput
from diorama.core.fetch import Published, fetch, keep

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _published(folder: Path, sha256: str = DIGEST, name: str = "there.bin", content: bytes = CONTENT) -> Published:
    source = folder / "there.bin"
    source.write_bytes(content)
    url = source.as_uri().replace("there.bin", name)
    return Published(url=url, name="w.bin", sha256=sha256, size=len(CONTENT), about="the weights")


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


@pytest.mark.parametrize("sha256", ["0" * 64, DIGEST[:8] + "0" * 56])
def test_another_file_is_refused_and_not_kept(tmp_path: Path, sha256: str) -> None:
    """Also one that agrees in the first 32 bits, which anyone can make in minutes."""
    with pytest.raises(BadInput, match=f"gave another file.*{DIGEST}.*{sha256}"):
        fetch(_published(tmp_path, sha256), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_answer_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr("diorama.core.fetch.sha256_of", lambda path: written.append(path.stat().st_size) or "")
    with pytest.raises(BadInput, match="gave another file"):
        fetch(_published(tmp_path, content=CONTENT * 1000), tmp_path / "cache")
    assert written == [len(CONTENT) + 1]


@pytest.mark.parametrize(("content", "sha256"), [(b"half", DIGEST), (CONTENT, DIGEST[:8] + "0" * 56)])
def test_another_file_in_the_cache_is_named(tmp_path: Path, content: bytes, sha256: str) -> None:
    """Also one put there by hand that agrees in the first 32 bits."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "w.bin").write_bytes(content)
    with pytest.raises(BadInput, match=r"w\.bin: is not the weights"):
        fetch(_published(tmp_path, sha256), tmp_path / "cache")


def test_a_file_to_be_kept_is_known_by_its_whole_hash(tmp_path: Path) -> None:
    file = _published(tmp_path, DIGEST[:8] + "0" * 56)
    with pytest.raises(BadInput, match="the weights"):
        keep(file, tmp_path / "there.bin", tmp_path / "cache")


def test_the_users_cache_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "home"))
    assert fetch(_published(tmp_path)) == tmp_path / "home" / "weights" / "w.bin"
