"""Tar archives — plain, gzip, bzip2, xz and zstd — read as streams."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import zstandard

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.names import inside, linked, links_read, printable

_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)
_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
PACKED = (_GZIP, _BZIP2, _XZ, _ZSTD)
"""How files begin that are unpacked before their tar is read."""
_LONGEST_MAGIC = max(map(len, PACKED))
_UNPACKED_AT_ONCE, _SKIPPED_BY_READING = 1 << 18, 1 << 16
_REMEMBERED = 100_000
"""Entries of an archive whose places are remembered, some 30 MB of them; the headers of more are read twice."""

_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)
_LONGEST_HEADER = 1 << 20
"""Bytes of one header with its extensions (long names, comments), which the library reads whole."""


class _Member(tarfile.TarInfo):
    """A member of which only name, type, size and target are read, where its header is a plain one.

    The library also reads owner, group, times and modes, and adds up every header twice: four fifths of its time.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        kind = bytes(buf[156:157])
        # A size whose first bit is set is not octal; a checksum that does not fit is for the library to judge.
        if len(buf) != tarfile.BLOCKSIZE or kind not in _PLAIN or buf[124] & 0x80 or not _adds_up(buf):
            return super().frombuf(buf, encoding, errors)
        member = cls()
        member.name = _text(buf[:100], encoding, errors)
        member.size, member.type = _octal(buf[124:136]), kind
        member.linkname = _text(buf[157:257], encoding, errors)
        if member.name.endswith("/") and kind == tarfile.AREGTYPE:
            member.type = tarfile.DIRTYPE
        if buf[345]:  # the folders of a long name
            member.name = f"{_text(buf[345:500], encoding, errors)}/{member.name}"
        return member


def _adds_up(header: bytes | bytearray) -> bool:
    """Whether the bytes of a header, its checksum counted as spaces, come to its checksum."""
    own = header[148:156]
    try:
        return _octal(own) == sum(header) - sum(own) + 8 * ord(" ")
    except ValueError:
        return False


def _octal(field: bytes | bytearray) -> int:
    return int(field.partition(b"\0")[0].strip() or b"0", 8)


def _text(field: bytes | bytearray, encoding: str, errors: str) -> str:
    return field.partition(b"\0")[0].decode(encoding, errors)


class _Stream:
    """A tar's bytes, of which headers may take a few only at once: their size is theirs to claim.

    Args:
        file: the unpacked bytes.

    Attributes:
        plain: the archive is not packed, so that going back costs nothing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._place = file, 0
        self.plain = isinstance(getattr(file, "raw", None), io.FileIO)

    def tell(self) -> int:
        """The place of the next byte."""
        return self._place

    def seek(self, place: int) -> int:
        """Go to a place; short ways forward by reading, since unpackers are asked whether they can seek each time."""
        gap = place - self._place
        if 0 <= gap <= _SKIPPED_BY_READING:
            self._file.read(gap)
        else:
            self._file.seek(place)
        self._place = place
        return place

    def read(self, size: int = -1) -> bytes:
        """The next bytes of a header; refuses one that is too long."""
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        content = self._file.read(size)
        self._place += len(content)
        return content

    def content(self, place: int, size: int) -> bytes:
        """So many bytes of a file that begins at ``place``."""
        self.seek(place)
        content = self._file.read(size)
        self._place += len(content)
        if len(content) < size:
            raise tarfile.ReadError("unexpected end of data")
        return content


class _Unpacked(io.RawIOBase):
    """What an unpacker gives, piece by piece: where it breaks off, what came before can still be read."""

    def __init__(self, unpacker: Any) -> None:
        self._unpacker = unpacker

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._unpacker.read1(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._unpacker.seek(offset, whence))

    def tell(self) -> int:
        return int(self._unpacker.tell())


@dataclass(frozen=True)
class _Place:
    """Where a file of the archive lies, unpacked."""

    path: str
    offset: int
    size: int
    same_as: str = ""


@dataclass(frozen=True)
class _Index:
    """All that an archive holds, and how it breaks off, if it does."""

    fingerprint: tuple[int, int]
    places: Sequence[_Place | Skip]
    problem: str | None


class TarContainer:
    """A tar: entries in the order of the archive, each readable until the next is asked for.

    The compression is recognised by content, not by name. Headers are read once: they are remembered for the next time
    that the entries are asked for, unless the file has changed.

    Args:
        path: the archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index: _Index | None = None
        self._followed: set[str] = set()

    def entries(self) -> Iterator[Entry | Skip]:
        """Its files, and links to them; links of packed archives, devices and names that climb out are Skips.

        Raises:
            BadInput: not a tar, or truncated, where the stream breaks off.
        """
        try:
            with _decompressed(self._path) as file:
                stream = _Stream(file)
                for place in self._places(stream):
                    yield place if isinstance(place, Skip) else self._entry(stream, place)
        except _BROKEN as problem:
            raise BadInput(f"{self._path.name}: broken or truncated tar ({problem}); pack it anew") from problem

    def notes(self) -> Iterator[str]:
        """How many links were read."""
        if self._followed:
            yield links_read(len(self._followed), self._path.name)

    def _places(self, stream: _Stream) -> Iterator[_Place | Skip]:
        status = self._path.stat()
        fingerprint = (status.st_size, status.st_mtime_ns)
        if self._index is None or self._index.fingerprint != fingerprint:
            yield from self._walk(stream, fingerprint)
            return
        yield from self._index.places
        if self._index.problem is not None:
            raise tarfile.ReadError(self._index.problem)

    def _walk(self, stream: _Stream, fingerprint: tuple[int, int]) -> Iterator[_Place | Skip]:
        """Read the headers, and remember them unless there are very many."""
        places: list[_Place | Skip] = []
        known: dict[str, _Place] = {}

        def listed(place: _Place | Skip) -> _Place | Skip:
            if len(places) <= _REMEMBERED:
                places.append(place)
                if isinstance(place, _Place):
                    known[place.path] = place
            if isinstance(place, _Place) and place.same_as:
                self._followed.add(place.path)
            return place

        early: list[tarfile.TarInfo] = []
        try:
            with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Member) as tar:  # type: ignore[call-overload]
                for member in tar:
                    # The archive remembers every member for random access, which a stream has no use for.
                    tar.members = []
                    if member.isdir():
                        continue
                    if not (member.islnk() or member.issym()):
                        yield listed(_place(member))
                    elif isinstance(place := _link(member, known, stream.plain), _Place):
                        yield listed(place)
                    else:
                        # What it leads to may come behind it: the folder of links may be the first by name.
                        early.append(member)
            for member in early:
                yield listed(_link(member, known, stream.plain))
        except _BROKEN as problem:
            self._remember(_Index(fingerprint, places, str(problem)))
            raise
        self._remember(_Index(fingerprint, places, None))

    def _remember(self, index: _Index) -> None:
        self._index = index if len(index.places) <= _REMEMBERED else None

    def _entry(self, stream: _Stream, place: _Place) -> Entry:
        read = partial(self._read, stream, place)
        return Entry(place.path, place.size, read, streamed=True, same_as=place.same_as)

    def _read(self, stream: _Stream, place: _Place, size: int) -> bytes:
        try:
            return stream.content(place.offset, min(size, place.size))
        except _BROKEN as problem:
            raise BadInput(f"{self._path.name}: truncated or broken inside ({problem})") from problem


def _place(member: tarfile.TarInfo) -> _Place | Skip:
    path = inside(member.name)
    if path is None:
        return Skip(printable(member.name), "its name leads out of the archive")
    path = printable(path)
    if not member.isreg():
        return Skip(path, "not a regular file")
    # A few bytes would unfold to any size that the header claims.
    if member.issparse():
        return Skip(path, "a sparse file; pack it without --sparse")
    return _Place(path, member.offset_data, member.size)


def _link(member: tarfile.TarInfo, known: dict[str, _Place], plain: bool) -> _Place | Skip:
    """A second name of a file that came before: its place, where the archive can be read backwards."""
    path = inside(member.name)
    if path is None:
        return Skip(printable(member.name), "its name leads out of the archive")
    # A hard link names its file from the top, a symbolic one from where it stands.
    target = linked(path, member.linkname) if member.issym() else inside(member.linkname)
    kind = "a link" if member.issym() else "a hard link"
    path, found = printable(path), known.get(printable(target or ""))
    if target is None:
        return Skip(path, f"{kind} that leads out of the archive")
    if found is None:
        return Skip(path, f"{kind} to {printable(target)}, which is no file of the archive; unpack it first")
    if not plain:
        return Skip(path, f"{kind} to {found.path}, which a packed archive cannot go back to; unpack it first")
    return _Place(path, found.offset, found.size, found.same_as or found.path)


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file, ExitStack() as opened:
        head = file.read(_LONGEST_MAGIC)
        file.seek(0)
        unpacked: Any = None
        if head.startswith(_GZIP):
            unpacked = opened.enter_context(gzip.GzipFile(fileobj=file))
        elif head.startswith(_BZIP2):
            unpacked = opened.enter_context(bz2.BZ2File(file))
        elif head.startswith(_XZ):
            unpacked = opened.enter_context(lzma.LZMAFile(file))
        elif head.startswith(_ZSTD):
            unpacker = zstandard.ZstdDecompressor()
            unpacked = opened.enter_context(unpacker.stream_reader(file, read_across_frames=True))
        # Unpackers work in Python at every call; headers and small files are many calls.
        yield file if unpacked is None else io.BufferedReader(_Unpacked(unpacked), _UNPACKED_AT_ONCE)
