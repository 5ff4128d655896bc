"""From an archive's name and content to its reader."""

from __future__ import annotations

from pathlib import Path

from diorama.data.sources.entries import Container
from diorama.data.sources.names import ZIPS
from diorama.data.sources.tars import PACKED, TarContainer
from diorama.data.sources.zips import ZipContainer

_ZIP, _TAR, _TAR_AT, _HEAD_BYTES = (b"PK\x03\x04", b"PK\x05\x06"), b"ustar", 257, 512


def open_archive(path: Path) -> Container:
    """The zip or tar at ``path``, told by content, else by name; the rest is looked at only for its entries."""
    head = _head(path)
    if is_zip(head):
        return ZipContainer(path)
    # A zip may begin with anything, such as the program that unpacks it.
    named_zip = path.name.lower().endswith(ZIPS)
    return ZipContainer(path) if named_zip and not (is_tar(head) or head.startswith(PACKED)) else TarContainer(path)


def is_zip(head: bytes) -> bool:
    """Whether a file begins as a zip does."""
    return head.startswith(_ZIP)


def is_tar(head: bytes) -> bool:
    """Whether a file's first 512 bytes are the header of a tar's first entry."""
    return head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""  # opening it again tells why
