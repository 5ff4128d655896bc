"""Zip archives, read in place."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.names import inside, linked, links_read, printable

_ENCRYPTED, _UTF8, _OLD_ENCODING = 0x1, 0x800, "cp437"
_LONGEST_TARGET = 4_096
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
        self._followed: set[str] = set()

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._path)
        except BROKEN_ZIP as problem:
            raise BadInput(f"{self._path.name}: broken or truncated zip ({problem}); pack it anew") from problem

    def entries(self) -> Iterator[Entry | Skip]:
        """Its files; links to others of them too; encrypted ones, other links and names that climb out are Skips.

        Raises:
            BadInput: not a zip, or truncated.
        """
        for info in self._zip.infolist():
            if not info.is_dir():
                yield self._entry(info)

    def notes(self) -> Iterator[str]:
        """How many links were read, and names are in an encoding that the archive does not tell."""
        if self._followed:
            yield links_read(len(self._followed), self._path.name)
        if self._garbled:
            shown = min(self._garbled)
            yield (
                f"{len(self._garbled):,} names in {self._path.name} are in an encoding that it does not tell, such as "
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
            return Skip(path, "encrypted; unpack it with its password first")
        if _is_link(info):
            return self._linked(info, path)
        return Entry(path, info.file_size, lambda size: self._read(info, size, path))

    def _linked(self, info: zipfile.ZipInfo, path: str) -> Entry | Skip:
        """What a link leads to, if that is a file of the archive."""
        try:
            target = linked(path, self._read(info, _LONGEST_TARGET, path).decode())
        except (BadInput, UnicodeDecodeError):
            return Skip(path, "a link that cannot be read")
        if target is None:
            return Skip(path, "a link that leads out of the archive")
        found = self._files.get(target)
        if found is None:
            return Skip(path, f"a link to {printable(target)}, which is no file of the archive; unpack it first")
        self._followed.add(path)
        read = partial(self._read, found, name=path)
        return Entry(path, found.file_size, read, same_as=printable(target))

    @cached_property
    def _files(self) -> dict[str, zipfile.ZipInfo]:
        """What links may lead to, by name."""
        infos = [info for info in self._zip.infolist() if not info.is_dir() and not _is_link(info)]
        return {path: info for info in infos if (path := inside(self._name(info))) and not info.flag_bits & _ENCRYPTED}

    def _read(self, info: zipfile.ZipInfo, size: int, name: str) -> bytes:
        try:
            with self._zip.open(info) as file:
                return file.read(size)
        except BROKEN_ZIP as problem:
            raise BadInput(f"{name}: cannot be unpacked ({problem})") from problem


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)  # the upper half is the mode of a Unix file
