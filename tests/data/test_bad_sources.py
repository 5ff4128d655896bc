"""Hostile and broken input: the bad is skipped and listed, the good is kept, nothing appears elsewhere."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from diorama.core.errors import BadInput
from tests.data.pictures import folder_of, picture, prepared, save


def _bytes(seed: int, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, form)
    return buffer.getvalue()


def _png_bomb() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def _gif_bomb() -> bytes:
    content = bytearray(_bytes(0, "GIF"))
    content[6:10] = struct.pack("<HH", 65_535, 65_535)
    return bytes(content)


BROKEN: dict[str, Callable[[], bytes]] = {
    "truncated.jpg": lambda: _bytes(90, "JPEG")[:300],
    "text.png": lambda: b"this is not a picture",
    "empty.png": lambda: b"",
    "bomb.png": _png_bomb,
    "bomb.gif": _gif_bomb,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_among_good_ones_is_skipped_and_listed(tmp_path: Path, name: str) -> None:
    source = folder_of(tmp_path / "in", 4)
    (source / name).write_bytes(BROKEN[name]())
    dataset, audit = prepared(source, tmp_path / "out")
    assert (audit.files, audit.kept) == (5, 4)
    assert [skip.path for skip in audit.skipped] == [name]
    assert audit.skipped[0].reason
    assert sum(dataset.splits.values()) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.slow  # packing 600 MB of zeros takes seconds; the source's own tests have a smaller one
def test_entries_of_a_zip_that_climb_out_are_skipped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(["good/a.png", "good/b.png", "../evil.png", "/absolute.png"]):
            archive.writestr(name, _bytes(number))
        archive.writestr("zeros.png", bytes(600 << 20))
    _, audit = prepared(tmp_path / "in.zip", tmp_path / "out")
    assert audit.kept == 2
    assert len(audit.skipped) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.zip", "out"]


def test_links_of_a_tar_are_skipped(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "in.tar.gz", "w:gz") as archive:
        for number in range(3):
            member, content = tarfile.TarInfo(f"{number}.png"), _bytes(number)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    _, audit = prepared(tmp_path / "in.tar.gz", tmp_path / "out")
    assert audit.kept == 3
    assert [skip.path for skip in audit.skipped] == ["link.png"]


def test_a_symlink_out_of_the_source_is_skipped(tmp_path: Path) -> None:
    save(picture(9), tmp_path / "secret" / "x.png")
    source = folder_of(tmp_path / "in", 2)
    (source / "link.png").symlink_to(tmp_path / "secret" / "x.png")
    _, audit = prepared(source, tmp_path / "out")
    assert audit.kept == 2
    assert [skip.path for skip in audit.skipped] == ["link.png"]


def test_odd_file_names_are_kept(tmp_path: Path) -> None:
    names = ["ünï cödé 猫.png", "quote'\"<b>.png", "two\nlines.png", " lead.png", "%41.png", "-rf.png"]
    for number, name in enumerate(names):
        save(picture(number), tmp_path / "in" / name)
    (tmp_path / "in" / b"byte\xff.png".decode("utf-8", "surrogateescape")).write_bytes(_bytes(50))
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", split=(1.0, 0.0, 0.0))
    assert audit.kept == sum(dataset.splits.values()) == 7
    (tmp_path / "out" / "audit.json").read_text(encoding="utf-8")
    assert "<b>" not in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")


def _truncated_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "cut.zip", "w") as archive:
        archive.writestr("a.png", _bytes(0))
    (folder / "cut.zip").write_bytes((folder / "cut.zip").read_bytes()[:200])
    return folder / "cut.zip"


def _file(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _empty(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def _texts(folder: Path) -> Path:
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("hello")
    (folder / "texts" / "b.csv").write_text("path\nx")
    return folder / "texts"


HOPELESS: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "missing",
    "nothing": _empty,
    "texts": _texts,
    "cut.zip": _truncated_zip,
    "noise.mp4": lambda folder: _file(folder, "noise.mp4", bytes(range(256)) * 20),
    "void.mp4": lambda folder: _file(folder, "void.mp4", b""),
    "broken.npy": lambda folder: _file(folder, "broken.npy", b"\x93NUMPY\x01\x00"),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_what_leaves_nothing_to_work_on_is_refused_by_name(tmp_path: Path, name: str) -> None:
    source = HOPELESS[name](tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(BadInput, match=name):
        prepared(source, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
