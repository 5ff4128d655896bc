"""What file names say: whether they stay inside, and what kind of content they promise."""

from __future__ import annotations

import posixpath
import re
from typing import Literal

Content = Literal["picture", "animation", "video", "array", "parquet", "volume", "table", "archive", "other"]

MEDIA: tuple[Content, ...] = ("picture", "animation", "video", "array", "parquet", "volume")
"""What gives records."""

_SYSTEM_FOLDERS = ("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information")
"""Of macOS, of Synology's previews, and bins."""

_NETPBM = (".ppm", ".pgm", ".pbm", ".pnm")
_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif", ".jp2")
PICTURES = (*_JPEG, *_NETPBM, ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".avif")
ANIMATIONS = (".gif",)
VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")
ARRAYS = (".npy", ".npz")
VOLUMES = (".dcm", ".dicom", ".nii", ".nii.gz")
ZIPS = (".zip",)
TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2")
PARQUET = ".parquet"
_TABLES, LOOK_LIKE_TABLES = ("labels", "metadata", "annotations", "captions"), (".csv", ".tsv", ".jsonl")
TABLE_NAMES = tuple(f"{name}{suffix}" for name in _TABLES for suffix in (*LOOK_LIKE_TABLES, PARQUET))
"""Files that are read as tables wherever they lie; others are named with ``--table``."""

_KINDS: dict[str, Content] = {
    **dict.fromkeys(PICTURES, "picture"),
    **dict.fromkeys(ANIMATIONS, "animation"),
    **dict.fromkeys(VIDEOS, "video"),
    **dict.fromkeys(ARRAYS, "array"),
    **dict.fromkeys(VOLUMES, "volume"),
    **dict.fromkeys((*ZIPS, *TARS), "archive"),
    PARQUET: "parquet",
}

_DRIVE = re.compile(r"^[A-Za-z]:")
_DIGITS = re.compile(r"(\d+)")
_MOST_DIGITS = 18


def content_of(path: str) -> Content:
    """What a file holds, by its name."""
    name = path.rpartition("/")[2].lower()
    if name in TABLE_NAMES:
        return "table"
    before, dot, last = name.rpartition(".")
    # Archives may have two suffixes, of which the last says little.
    double = f".{before.rpartition('.')[2]}.{last}"
    return _KINDS.get(dot + last) or _KINDS.get(double, "other")


def inside(name: str) -> str | None:
    """An archive's entry name as a plain relative path; ``None`` where it is empty, absolute or climbs out."""
    name = name.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name) or "\0" in name:
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if not parts or ".." in parts else "/".join(parts)


def linked(path: str, target: str) -> str | None:
    """Where a link in an archive leads, as a plain relative path; ``None`` where that is out of it."""
    if inside(target.replace("..", "_")) is None:
        return None
    place = posixpath.normpath(posixpath.join(parent(path), target.replace("\\", "/")))
    return inside(place)


def links_read(count: int, archive: str) -> str:
    """What to say of links in an archive that were read."""
    return f"{count} links in {archive} were read as the files that they lead to"


def printable(name: str) -> str:
    """A name as valid Unicode on one line: stray bytes and control characters are written as escapes."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def is_hidden(path: str) -> bool:
    """Whether a system or an editor put the file there for itself."""
    if path.startswith(".") or "/." in path:
        return True
    return any(folder in path and folder in path.split("/") for folder in _SYSTEM_FOLDERS)


def natural(path: str) -> list[tuple[int, int, str]]:
    """A sort key by which frame 10 comes after frame 9; numbers of more digits than Python reads are words."""
    parts = _DIGITS.split(path)
    numbers = [p.isascii() and p.isdigit() and len(p) <= _MOST_DIGITS for p in parts]
    return [(0, int(p), "") if number else (1, 0, p) for p, number in zip(parts, numbers, strict=True) if p]


def parent(path: str) -> str:
    """The folder of a path; empty at the top."""
    return path.rpartition("/")[0]


def stem(path: str) -> str:
    """A name without folder and without all of an archive's suffixes."""
    name = path.rpartition("/")[2]
    longest = max((s for s in (*ZIPS, *TARS) if name.lower().endswith(s)), key=len, default="")
    return name[: len(name) - len(longest)] if longest else name.rpartition(".")[0] or name
