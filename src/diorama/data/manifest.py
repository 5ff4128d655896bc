"""Manifests: JSON that vouches for the other files of a folder, and for itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of, write_json

CHECKED_AT_OPEN = 1 << 30
"""Folders of at most this many bytes are hashed when they are opened; of larger ones the lengths are compared."""


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file of a folder and what it must be.

    Args:
        name: posix path inside the folder.
        bytes: its length.
        sha256: its hash.
    """

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, name: str) -> StoredFile:
        """What a file is now."""
        return cls(name=name, bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name))

    def check_size(self, folder: Path, remedy: str) -> None:
        """Refuse a file that is missing or of another length, with what to do about it."""
        path = folder / self.name
        if not path.is_file():
            raise BadInput(f"{path}: is missing; {remedy}")
        if path.stat().st_size != self.bytes:
            raise BadInput(f"{path}: is damaged ({path.stat().st_size} bytes, {self.bytes} were written); {remedy}")

    def check(self, folder: Path, remedy: str) -> None:
        """Refuse a file that is not what was written, with what to do about it."""
        self.check_size(folder, remedy)
        if sha256_of(folder / self.name) != self.sha256:
            raise BadInput(f"{folder / self.name}: is damaged (its hash has changed); {remedy}")


def check_files(folder: Path, files: Sequence[StoredFile], remedy: str) -> None:
    """Refuse a folder of which a file is missing or damaged; by their hashes up to 1 GiB, beyond by lengths.

    Raises:
        BadInput: naming the file, and what to do about it.
    """
    hashed = sum(file.bytes for file in files) <= CHECKED_AT_OPEN
    for file in files:
        if hashed:
            file.check(folder, remedy)
        else:
            file.check_size(folder, remedy)


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write a manifest with its own checksum."""
    write_json(path, {**content, "checksum": checksum(content)})


def read_manifest(path: Path, expected: str, remedy: str) -> dict[str, Any]:
    """The content of a manifest.

    Args:
        path: the file.
        expected: the format that it must name.
        remedy: what to do where it is damaged.

    Raises:
        BadInput: unreadable, damaged, or of another format.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        written, found = content.pop("checksum"), content["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise BadInput(f"{path}: is damaged ({problem}); {remedy}") from problem
    if found != expected:
        raise BadInput(f"{path}: format {found!r} is unknown, expected {expected!r}")
    if checksum(content) != written:
        raise BadInput(f"{path}: is damaged (its checksum has changed); {remedy}")
    return content


def checksum(content: Mapping[str, Any]) -> str:
    """What guards a manifest itself: a hash of its canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
