"""Zip archives, read in place."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.names import inside, printable

_ENCRYPTED = 0x1
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError)
"""What reading a broken zip raises; ``RuntimeError`` where it is encrypted or packed in an unknown way."""


class ZipContainer:
    """A zip: entries in the order of its directory, readable in any.

    Args:
        path: the archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._path)
        except BROKEN_ZIP as problem:
            raise BadInput(f"{self._path.name}: broken or truncated zip ({problem}); pack it anew") from problem

    def entries(self) -> Iterator[Entry | Skip]:
        """Its files; encrypted ones, links and names that climb out are Skips.

        Raises:
            BadInput: not a zip, or truncated.
        """
        for info in self._zip.infolist():
            if not info.is_dir():
                yield self._entry(info)

    def _entry(self, info: zipfile.ZipInfo) -> Entry | Skip:
        path = inside(info.filename)
        if path is None:
            return Skip(printable(info.filename), "its name leads out of the archive")
        path = printable(path)
        if info.flag_bits & _ENCRYPTED:
            return Skip(path, "encrypted")
        if stat.S_ISLNK(info.external_attr >> 16):  # the upper half is the mode of a Unix file
            return Skip(path, "a link")
        return Entry(path, info.file_size, lambda size: self._read(info, size, path))

    def _read(self, info: zipfile.ZipInfo, size: int, name: str) -> bytes:
        try:
            with self._zip.open(info) as file:
                return file.read(size)
        except BROKEN_ZIP as problem:
            raise BadInput(f"{name}: cannot be unpacked ({problem})") from problem
