"""Broken and hostile sources, given to ``diorama prepare`` as a user would: the good is kept, the bad is told."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.pictures import folder_of
from tests.data.sources.examples import fill, tarred, zipped
from tests.journeys.conftest import Run
from tests.journeys.surroundings import untouched, watched
from tests.media.examples import bomb_gif, bomb_png, jpeg, png, smooth_clip

GOOD = 6


@pytest.fixture
def kept(diorama: Run, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """``kept(source, …)`` prepares it, asserts that all good pictures were kept, and tells why others were not."""

    def prepare(source: Path, *words: object, good: int = GOOD) -> dict[str, str]:
        out = tmp_path / "out"
        with untouched(tmp_path, out):
            told = diorama("prepare", source, "--out", out, "--size", 16, *words)
        audit = json.loads((out / "audit.json").read_text(encoding="utf-8"))
        assert audit["kept"] == good
        assert sum(json.loads((out / "dataset.json").read_text(encoding="utf-8"))["splits"].values()) == good
        skipped = {skip["path"]: skip["reason"] for skip in audit["skipped"]}
        assert len(skipped) == len(audit["skipped"]) == audit["files"] - good
        assert all(path in told and reason in told for path, reason in skipped.items())
        return skipped

    return prepare


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of good pictures."""
    return folder_of(tmp_path / "in", GOOD)


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated.jpg": (lambda: jpeg(200, 200)[:2000], "truncated"),
    "text.png": (lambda: b"this is not a picture\n", "not a picture"),
    "empty.png": (lambda: b"", "empty"),
    "bomb.png": (bomb_png, "enormous"),
    "bomb.gif": (bomb_gif, "enormous"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_among_good_ones_is_skipped_and_told(
    kept: Callable[..., dict[str, str]], source: Path, name: str
) -> None:
    make, reason = BROKEN[name]
    (source / name).write_bytes(make())
    skipped = kept(source)
    assert list(skipped) == [name]
    assert reason in skipped[name]


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "C:\\evil.png"])
def test_an_entry_that_leads_out_of_its_zip_is_skipped_and_told(
    kept: Callable[..., dict[str, str]], tmp_path: Path, name: str
) -> None:
    good = {f"{i}.png": png(seed=i) for i in range(GOOD)}
    (reason,) = kept(zipped(tmp_path / "in.zip", {**good, name: png(seed=99)})).values()
    assert reason == "its name leads out of the archive"
    assert not Path("/tmp/evil.png").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret.png"])
def test_a_link_out_of_a_tar_is_skipped_and_told(
    kept: Callable[..., dict[str, str]], tmp_path: Path, kind: bytes, target: str
) -> None:
    path = tarred(tmp_path / "in.tar", {f"{i}.png": png(seed=i) for i in range(GOOD)})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = kind, target
        archive.addfile(link)
    assert "link" in kept(path)["link.png"]


def test_symlinks_out_of_the_source_are_skipped_and_told(
    kept: Callable[..., dict[str, str]], source: Path, tmp_path: Path
) -> None:
    folder_of(tmp_path / "elsewhere", 2)
    (source / "link.png").symlink_to(tmp_path / "elsewhere" / "000.png")
    (source / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (source / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (source / "circle").symlink_to(source, target_is_directory=True)
    assert {"link.png", "gone.png"} <= set(kept(source))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", "path,label\n000.png,cat\nghost.png,dog\n"),
        ("metadata.jsonl", '{"path": "000.png", "label": "cat"}\n{"path": "ghost.png", "label": "dog"}\n'),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_labels_of_files_that_are_not_there_are_told(
    diorama: Run, source: Path, tmp_path: Path, name: str, content: str, beside: bool
) -> None:
    table = (source if beside else tmp_path) / name
    table.write_text(content)
    out = tmp_path / "out"
    with untouched(tmp_path, out):
        told = diorama("prepare", source, "--out", out, "--size", 16, *(() if beside else ("--table", table)))
    assert "ghost.png" in told
    audit = json.loads((out / "audit.json").read_text())
    assert audit["kept"] == GOOD
    assert audit["labels"].get("cat") == 1
    assert "ghost.png" in {skip["path"] for skip in audit["skipped"]}


ODD = {
    "spaces": " two  spaces .png",
    "unicode": "ünï 猫 🐈 e\u0301.png",
    "newline": "two\nlines.png",
    "tab and escape": "\t\x1b[31mred.png",
    "leading dash": "-rf.png",
    "very long": f"{'l' * 250}.png",
    "quotes and tags": "'\"<script>&amp;$(id)`.png",
    "backslash": "a\\b.png",
    "percent": "%41%s{0}.png",
    "invalid UTF-8": os.fsdecode(b"byte\xff\xfe.png"),
    "brackets": "[bold]x[-bold].png",
    "upper case": "A.PNG",
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_an_odd_file_name_is_kept(kept: Callable[..., dict[str, str]], source: Path, name: str) -> None:
    (source / name).write_bytes(png(40, 40, seed=77))
    assert kept(source, good=GOOD + 1) == {}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_a_broken_file_with_an_odd_name_is_told_in_plain_text(
    diorama: Run, source: Path, tmp_path: Path, name: str
) -> None:
    (source / name).write_bytes(b"nothing")
    told = diorama("prepare", source, "--out", tmp_path / "out", "--size", 16)
    audit = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    (skip,) = audit["skipped"]
    assert f"skipped {skip['path']}: {skip['reason']}\n" in told
    assert "<script>" not in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8").split("</head>")[1]
    told.encode("utf-8")
    assert "\x1b" not in told


@pytest.mark.parametrize("name", [".hidden.png", "..png", "__MACOSX/._000.png", ".git/x.png"])
def test_what_a_system_put_there_for_itself_is_told(
    kept: Callable[..., dict[str, str]], source: Path, name: str
) -> None:
    fill(source, {name: png(40, 40, seed=77)})
    assert list(kept(source)) == [name]


def _texts(folder: Path) -> Path:
    return fill(folder / "texts", {"a.txt": b"hello", "b.md": b"# hello"})


def _cut_zip(folder: Path) -> Path:
    path = zipped(folder / "cut.zip", {f"{i}.png": png(seed=i) for i in range(9)})
    path.write_bytes(path.read_bytes()[:700])
    return path


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _video(folder: Path, frames: int, cut: int | None = None) -> Path:
    """An MP4 without frames, or one whose stream is overwritten."""
    import av

    path = folder / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        container.start_encoding()
        for pixels in smooth_clip()[:frames]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())
    if cut:
        content = path.read_bytes()
        path.write_bytes(content[:cut])
    return path


def _scrambled(folder: Path) -> Path:
    """A video whose index is whole and whose stream is noise."""
    path = _video(folder, 12)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    content[start:end] = os.urandom(end - start)
    path.write_bytes(content)
    return path


def _folder_of_one(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def inside(folder: Path) -> Path:
        (folder / "clips").mkdir()
        make(folder / "clips")
        return folder / "clips"

    return inside


HOPELESS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "an empty folder": (_empty, "empty"),
    "a missing folder": (lambda folder: folder / "missing", "missing"),
    "only text files": (_texts, "texts"),
    "a truncated zip": (_cut_zip, "cut.zip"),
    "a truncated zip in a folder": (_folder_of_one(_cut_zip), "cut.zip"),
    "a zip of nothing": (lambda folder: zipped(folder / "void.zip", {}), "void.zip"),
    "a tar of nothing": (lambda folder: tarred(folder / "void.tar", {}), "void.tar"),
    "a video without frames": (lambda folder: _video(folder, 0), "clip.mp4"),
    "a folder of a video without frames": (_folder_of_one(lambda folder: _video(folder, 0)), "clip.mp4"),
    "a video cut off": (lambda folder: _video(folder, 12, cut=600), "clip.mp4"),
    "a folder of a video cut off": (_folder_of_one(lambda folder: _video(folder, 12, cut=600)), "clip.mp4"),
    "a broken stream": (_scrambled, "clip.mp4"),
    "a folder of a broken stream": (_folder_of_one(_scrambled), "clip.mp4"),
    "only a bomb": (lambda folder: fill(folder / "b", {"bomb.png": bomb_png()}), "bomb.png"),
    "only a broken picture": (lambda folder: fill(folder / "b", {"cut.jpg": jpeg()[:200]}), "cut.jpg"),
    "text with a zip's name": (lambda folder: fill(folder, {"a.zip": b"hello"}) / "a.zip", "a.zip"),
    "a device": (lambda folder: Path("/dev/zero"), "/dev/zero"),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_a_source_that_leaves_nothing_ends_with_one_and_its_name(diorama: Run, tmp_path: Path, name: str) -> None:
    make, named = HOPELESS[name]
    given = make(tmp_path)
    with untouched(tmp_path):
        told = diorama("prepare", given, "--out", tmp_path / "out", "--size", 16, code=1)
    assert named in told.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.long
def test_a_zip_entry_of_600_mb_of_zeros_costs_neither_memory_nor_time(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for seed in range(GOOD):
            archive.writestr(f"{seed}.png", png(seed=seed))
        for name in ("zeros.png", "zeros.npy", "zeros.mp4", "labels.csv", "zeros.gif"):
            with archive.open(name, "w") as entry:
                for _ in range(600):
                    entry.write(bytes(1_000_000))
    _is_cheap(tmp_path / "in.zip", tmp_path / "out", skipped=5)


@pytest.mark.slow
def test_bombs_cost_neither_memory_nor_time(source: Path, tmp_path: Path) -> None:
    fill(source, {f"{i}.png": bomb_png() for i in range(20)} | {f"{i}.gif": bomb_gif() for i in range(20)})
    _is_cheap(source, tmp_path / "out", skipped=40)


def _is_cheap(given: Path, out: Path, skipped: int) -> None:
    done = watched("prepare", given, "--out", out, "--size", 16)
    assert (done.code, "Traceback" in done.told) == (0, False), done.told
    assert done.peak_bytes < 3 << 30
    assert done.seconds < 120
    audit = json.loads((out / "audit.json").read_text())
    assert (audit["kept"], len(audit["skipped"])) == (GOOD, skipped)


def test_a_broken_source_among_good_ones_is_told(diorama: Run, source: Path, tmp_path: Path) -> None:
    told = diorama("prepare", source, tmp_path / "missing", "--out", tmp_path / "out", "--size", 16, code=1)
    assert "missing" in told
    assert not (tmp_path / "out").exists()
