"""Archives are read in place and in order; what is hostile in them is left out and said."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import zstandard

from diorama.core.errors import BadInput
from diorama.data.sources import tars
from diorama.data.sources.base import SourceOptions
from diorama.data.sources.entries import Entry
from diorama.data.sources.open import open_source
from diorama.data.sources.tars import TarContainer
from diorama.media.image import read_image
from diorama.media.limits import Limits
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.examples import png

FILES = {f"train/cat/{i}.png": png(seed=i) for i in (2, 0, 1)}
EVIL = {
    "../up.png": png(),
    "/etc/abs.png": png(),
    "C:\\win.png": png(),
    "a\\..\\..\\b.png": png(),
    "a/../../b.png": png(),
    "good.png": png(),
}


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz"), (".tar.xz", "w:xz"), (".tar.bz2", "w:bz2")],
)
def test_tars_of_every_compression_keep_their_order(tmp_path: Path, suffix: str, mode: str) -> None:
    _, items = read_all(tarred(tmp_path / f"x{suffix}", FILES, mode))
    assert [i.path for i in items] == list(FILES)
    assert [i.load() for i in items] == list(FILES.values())
    assert dict(items[0].facts) == {"split": "train", "label": "cat"}


def test_zstd_and_wrong_suffixes(tmp_path: Path) -> None:
    plain = tarred(tmp_path / "plain.tar", FILES).read_bytes()
    (tmp_path / "x.tar.zst").write_bytes(zstandard.compress(plain))
    (tmp_path / "really-plain.tar.gz").write_bytes(plain)
    for name in ("x.tar.zst", "really-plain.tar.gz"):
        assert [i.load() for i in read_all(tmp_path / name)[1]] == list(FILES.values())


def test_zips_keep_their_order(tmp_path: Path) -> None:
    _, items = read_all(zipped(tmp_path / "x.zip", FILES))
    assert [i.load() for i in items] == list(FILES.values())
    assert items[0].load() == png(seed=2)  # a second time, out of order


@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_that_lead_out_are_left_out_and_said(tmp_path: Path, make: object) -> None:
    path = tmp_path / ("x.zip" if make is zipped else "x.tar")
    source, items = read_all(make(path, EVIL))  # type: ignore[operator]
    assert [i.path for i in items] == ["good.png"]
    assert len(source.skipped) == 5
    assert {skip.reason for skip in source.skipped} == {"its name leads out of the archive"}
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, kind in (
            ("s.png", tarfile.SYMTYPE),
            ("h.png", tarfile.LNKTYPE),
            ("d.png", tarfile.CHRTYPE),
            ("f.png", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("good.png")
        member.size = len(png())
        archive.addfile(member, io.BytesIO(png()))
    source, items = read_all(tmp_path / "x.tar")
    assert [i.path for i in items] == ["good.png"]
    assert set(reasons(source)) == {"s.png", "h.png", "d.png", "f.png"}


def test_links_and_encrypted_entries_of_a_zip_are_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("secret.png", png())
        archive.writestr("good.png", png())
    content = bytearray((tmp_path / "x.zip").read_bytes())
    directory = content.rindex(b"PK\1\2", 0, content.rindex(b"secret.png"))
    content[directory + 8] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    source, items = read_all(tmp_path / "x.zip")
    assert [i.path for i in items] == ["good.png"]
    assert reasons(source) == {
        "link.png": "a link that leads out of the archive",
        "secret.png": "encrypted; unpack it with its password first",
    }


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_a_mountain_of_zeros_costs_no_memory(tmp_path: Path, suffix: str) -> None:
    limits, size = Limits(entry_bytes=1_000_000), 60_000_000
    path = tmp_path / f"x{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros.png", bytes(size))
            archive.writestr("good.png", png())
    else:
        tarred(path, {"zeros.png": bytes(size), "good.png": png()}, "w:gz")
    tracemalloc.start()
    source, items = read_all(path, SourceOptions(limits=limits))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [i.path for i in items] == ["good.png"]
    assert "more than 1000000" in reasons(source)["zeros.png"]
    assert peak < 10_000_000


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_without_end_costs_no_memory(tmp_path: Path, kind: bytes) -> None:
    header, good = tarfile.TarInfo("x"), tarfile.TarInfo("good.png")
    header.type, header.size, good.size = kind, 60_000_000, len(png())
    with gzip.open(tmp_path / "x.tar.gz", "wb") as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(good, io.BytesIO(png()))
        archive.addfile(header, io.BytesIO(bytes(header.size)))
    tracemalloc.start()
    source, items = read_all(tmp_path / "x.tar.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [i.path for i in items] == ["good.png"]
    assert "a header of 60" in reasons(source)["x.tar.gz"]
    assert peak < 10_000_000


_LONG = {
    "a" * 90 + ".png": png(seed=0),
    "folder/" * 20 + "b.png": png(seed=1),
    "Ä ö/" * 8 + "c.png": png(seed=2),
    "d.png": b"",
    "x" * 98 + ".png": png(seed=3),
}


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_names_and_contents_are_those_that_the_library_reads(tmp_path: Path, layout: int, mode: str) -> None:
    files = dict(list(_LONG.items())[: 4 if layout == tarfile.USTAR_FORMAT else None])  # the last is too long for it
    with tarfile.open(tmp_path / "x.tar", mode, format=layout) as archive:  # type: ignore[call-overload]
        for number, (name, content) in enumerate(files.items()):
            member = tarfile.TarInfo(name)
            # A time with a fraction gives a member a header of its own beside its header.
            member.size, member.mtime, member.uname = len(content), 1e9 + number / 3, "nobody"
            archive.addfile(member, io.BytesIO(content))
    with tarfile.open(tmp_path / "x.tar") as archive:
        expected = [(member.name, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]
    container = TarContainer(tmp_path / "x.tar")
    for _ in range(2):
        entries = [(entry.path, entry.read(entry.size)) for entry in container.entries() if isinstance(entry, Entry)]
        assert entries == expected


def test_headers_are_read_once_and_again_when_the_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    plain = tars._Member.frombuf.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(tars._Member, "frombuf", classmethod(lambda *args: (read.append(1), plain(*args))[1]))
    source = open_source(tarred(tmp_path / "x.tar", FILES))
    assert [item.load() for item in source.items()] == list(FILES.values())
    once = len(read)
    assert [item.load() for item in source.items()] == list(FILES.values())
    assert once == len(read) == len(FILES) + 1
    other = {f"{number}.png": png(seed=9 + number) for number in range(5)}
    tarred(tmp_path / "x.tar", other)
    assert [item.load() for item in source.items()] == list(other.values())


def test_a_sparse_file_is_left_out_since_it_may_unfold_to_any_size(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind in (("holes.png", tarfile.GNUTYPE_SPARSE), ("good.png", tarfile.REGTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(png())
            archive.addfile(member, io.BytesIO(png()))
    source, items = read_all(tmp_path / "x.tar")
    assert [i.path for i in items] == ["good.png"]
    assert "sparse" in reasons(source)["holes.png"]


@pytest.mark.parametrize("place", [150, 124, 156, 0, 300])
def test_a_damaged_header_ends_the_archive_or_is_refused(tmp_path: Path, place: int) -> None:
    path = tarred(tmp_path / "x.tar", FILES)
    content = bytearray(path.read_bytes())
    second = 512 + (len(FILES["train/cat/2.png"]) + 511) // 512 * 512
    content[second + place] ^= 0x55
    path.write_bytes(bytes(content))
    assert [i.path for i in read_all(path)[1]] == ["train/cat/2.png"]


def test_a_zip_that_lies_about_sizes_is_caught(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", bytes(5_000_000))
    content = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(content.replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    _, items = read_all(tmp_path / "x.zip")
    with pytest.raises(BadInput, match=r"0\.png"):
        items[0].load()


def test_a_flipped_byte_in_a_zip_is_bad_input_when_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"0.png": png()})
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    _, items = read_all(path)
    with pytest.raises(BadInput, match=r"0\.png: cannot be unpacked"):
        items[0].load()


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"hello\n" * 100])
def test_no_zip_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(BadInput, match=r"x\.zip: broken or truncated zip"):
        read_all(tmp_path / "x.zip")


def test_a_truncated_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", FILES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadInput, match=r"x\.zip"):
        read_all(path)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.zst"])
def test_no_tar_at_all(tmp_path: Path, suffix: str) -> None:
    for content in (b"hello\n" * 200, b"\x1f\x8b broken", b"\xfd7zXZ\0 broken", b"\x28\xb5\x2f\xfd broken"):
        (tmp_path / f"x{suffix}").write_bytes(content)
        with pytest.raises(BadInput, match=r"x\.tar.*broken or truncated tar"):
            read_all(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("mode", ["", "gz", "xz"])
def test_a_truncated_tar_gives_what_is_whole(tmp_path: Path, mode: str) -> None:
    path = tarred(tmp_path / "x.tar", {f"{i}.png": png(80, 80, seed=i) for i in range(20)}, f"w:{mode}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source, items = read_all(path)
    assert 0 < len(items) < 20
    for item in items:
        read_image(item.load(), item.path)  # type: ignore[arg-type]
    assert any("truncated" in reason for reason in reasons(source).values())


def test_a_second_entry_of_a_name_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("0.png", png())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("0.png", png(seed=1))
    source, items = read_all(tmp_path / "x.zip")
    assert items[0].path == "0.png"
    assert reasons(source) == {"0.png": "a second file of this name"}


def test_an_archive_in_an_archive_is_said(tmp_path: Path) -> None:
    source, items = read_all(zipped(tmp_path / "x.zip", {"inner.zip": b"PK", "0.png": png()}))
    assert len(items) == 1
    assert "inside an archive" in reasons(source)["inner.zip"]


def test_tars_hold_one_record_at_a_time(tmp_path: Path) -> None:
    tarred(tmp_path / "x.tar", {f"{i}.bmp": bytes(1_000_000) for i in range(30)})
    tracemalloc.start()
    assert sum(1 for _ in open_source(tmp_path / "x.tar").items()) == 30
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000


def test_nothing_is_unpacked_to_disk(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar.gz", FILES, "w:gz")
    read_all(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_hard_links_are_read_where_they_can_be(tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / "x.tar", mode) as archive:  # type: ignore[call-overload]
        for name, content in {"all/0.png": png(), "all/1.png": png(seed=1)}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in {"cat/0.png": "all/0.png", "dog/1.png": "all/1.png", "dog/2.png": "gone.png"}.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.LNKTYPE, target
            archive.addfile(link)
    source = open_source(tmp_path / "x.tar")
    contents = {item.path: item.load() for item in source.items()}
    if mode == "w":
        assert contents["cat/0.png"] == contents["all/0.png"]
        assert contents["dog/1.png"] == contents["all/1.png"]
        assert set(reasons(source)) == {"dog/2.png"}
    else:
        assert set(contents) == {"all/0.png", "all/1.png"}
        assert "unpack it first" in reasons(source)["cat/0.png"]
    assert "no file of the archive" in reasons(source)["dog/2.png"]


@pytest.mark.parametrize(("encoding", "told"), [("gbk", True), ("utf-8", False)])
def test_names_in_encodings_that_a_zip_does_not_tell(tmp_path: Path, encoding: str, told: bool) -> None:
    path = zipped(tmp_path / "set.zip", {"AA/0.png": png(), "BB/1.png": png(seed=1)})
    raw = path.read_bytes()
    for ascii_name, name in ((b"AA/", "é/"), (b"BB/", "ü/")):
        replaced = name.encode(encoding) if encoding == "utf-8" else {"é/": b"\xa8\xa6/", "ü/": b"\xa8\xb9/"}[name]
        raw = raw.replace(ascii_name, replaced)
    path.write_bytes(raw)
    source, items = read_all(path)
    assert len(items) == 2
    assert any("in an encoding that it does not tell" in note for note in source.notes) == told
    assert told or {item.facts["label"] for item in items} == {"é", "ü"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_links_inside_an_archive_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    links = {"cat/0.png": "../all/0.png", "dog/out.png": "../../../all/0.png", "dog/gone.png": "../all/9.png"}
    if kind == "zip":
        zipped(path, {"all/0.png": png()})
        with zipfile.ZipFile(path, "a") as archive:
            for name, target in links.items():
                link = zipfile.ZipInfo(name)
                link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
                archive.writestr(link, target)
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as packed:
            member = tarfile.TarInfo("all/0.png")
            member.size = len(png())
            packed.addfile(member, io.BytesIO(png()))
            for name, target in links.items():
                member = tarfile.TarInfo(name)
                member.type, member.linkname = tarfile.SYMTYPE, target
                packed.addfile(member)
    source = open_source(path)
    contents = {item.path: item.load() for item in source.items()}
    told = reasons(source)
    assert "leads out of the archive" in told["dog/out.png"]
    assert "a link to all/9.png" in told["dog/gone.png"]
    if kind == "tar.gz":
        assert "cannot go back to" in told["cat/0.png"]
    else:
        assert contents == {"all/0.png": png(), "cat/0.png": png()}
        assert f"1 links in {path.name} were read as the files that they lead to" in source.notes


POOL = {f"pool/{i}.png": png(seed=i) for i in range(4)}
LINKS = {"train/cat/0.png": 0, "train/dog/1.png": 1, "val/cat/2.png": 2, "val/dog/3.png": 3}


def _pool_of_links(folder: Path, kind: str) -> Path:
    """Pictures in a pool, and links to them that name split and class."""
    fill(folder / "set", POOL)
    for name, number in LINKS.items():
        link, target = folder / "set" / name, folder / f"set/pool/{number}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        if kind == "hard links":
            link.hardlink_to(target)
        else:
            link.symlink_to(Path("../../pool") / target.name)
    if kind == "tar":
        with tarfile.open(folder / "set.tar", "w") as packed:
            for name in ("train", "val", "pool"):  # links before what they lead to
                packed.add(folder / "set" / name, name)
        return folder / "set.tar"
    if kind == "zip":
        path = zipped(folder / "set.zip", POOL)
        with zipfile.ZipFile(path, "a") as archive:
            for name, number in LINKS.items():
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, f"../../pool/{number}.png")
        return path
    return folder / "set"


@pytest.mark.parametrize("kind", ["folder", "hard links", "tar", "zip"])
def test_a_picture_of_a_pool_is_read_where_a_link_names_its_split(tmp_path: Path, kind: str) -> None:
    source, items = read_all(_pool_of_links(tmp_path, kind))
    assert {item.path: (item.facts["split"], item.facts["label"]) for item in items} == {
        name: (name.split("/")[0], name.split("/")[1]) for name in LINKS
    }
    assert set(reasons(source)) == set(POOL)
    assert not any("beside the folders" in note for note in source.notes)


def test_a_link_from_one_split_into_another_stays_a_leak_to_be_seen(tmp_path: Path) -> None:
    folder = fill(tmp_path, {f"train/cat/{i}.png": png(seed=i) for i in range(3)})
    (folder / "val" / "cat").mkdir(parents=True)
    (folder / "val" / "cat" / "0.png").symlink_to(Path("../../train/cat/0.png"))
    source, items = read_all(folder)
    assert len(items) == 4
    assert source.skipped == []


def test_archives_are_known_by_content(tmp_path: Path) -> None:
    zipped(tmp_path / "x.tar", FILES)
    tarred(tmp_path / "y.zip", FILES)
    zipped(tmp_path / "z", FILES)
    assert len({len(read_all(tmp_path / name)[1]) for name in ("x.tar", "y.zip", "z")}) == 1
    assert read_all(tmp_path / "z")[1]
