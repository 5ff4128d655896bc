"""Small sources for tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from diorama.data.sources.base import Item, Source, SourceOptions
from diorama.data.sources.open import open_source


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files under a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip with these names, whatever they are."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    """A tar with these names, whatever they are."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read_all(path: Path, options: SourceOptions | None = None) -> tuple[Source, list[Item]]:
    """A source and all its records."""
    source = open_source(path, options or SourceOptions())
    return source, list(source.items())


def reasons(source: Source) -> dict[str, str]:
    """Why each path was left out."""
    return {skip.path: skip.reason for skip in source.skipped}


def packed_counts(counts: list[int]) -> str:
    """Run lengths as COCO's tools pack them: five bits a letter, differences to the one before the last."""
    letters = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            done = (value == 0 and not bits & 16) or (value == -1 and bits & 16)
            letters.append(chr(48 + bits + (0 if done else 32)))
            if done:
                break
    return "".join(letters)
