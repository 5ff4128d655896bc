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

_ENCRYPTED, _UTF8, _OLD_ENCODING = 0x1, 0x800, "cp437"
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError)
"""What reading a broken zip raises; ``RuntimeError`` where it is encrypted or packed in an unknown way."""


class ZipContainer:
    """A zip: entries in the order of its directory, readable in any.

    Args:
        path: the archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._garbled: set[str] = set()

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

    def notes(self) -> Iterator[str]:
        """How many names are in an encoding that the archive does not tell."""
        if self._garbled:
            shown = min(self._garbled)
            yield (
                f"{len(self._garbled)} names in {self._path.name} are in an encoding that it does not tell, such as "
                f"{shown!r}; pack it anew with names in UTF-8"
            )

    def _name(self, info: zipfile.ZipInfo) -> str:
        """The entry's name: what is not marked as UTF-8 may be so all the same."""
        if info.flag_bits & _UTF8 or info.filename.isascii():
            return info.filename
        try:
            return info.filename.encode(_OLD_ENCODING).decode()
        except UnicodeError:
            self._garbled.add(printable(info.filename))
            return info.filename

    def _entry(self, info: zipfile.ZipInfo) -> Entry | Skip:
        name = self._name(info)
        path = inside(name)
        if path is None:
            return Skip(printable(name), "its name leads out of the archive")
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
