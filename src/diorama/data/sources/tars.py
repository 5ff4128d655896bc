"""Tar archives — plain, gzip, bzip2, xz and zstd — read as streams."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.names import inside, printable

_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)
_LONGEST_MAGIC = 6
_LONGEST_HEADER = 1 << 20
"""Bytes of one header with its extensions (long names, comments), which the library reads whole."""


class _Stream:
    """A tar's bytes, of which headers may take a few only at once: their size is theirs to claim.

    Args:
        file: the unpacked bytes.

    Attributes:
        bounded: whether headers are being read, not the content of a file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.bounded = file, True
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as of any file; refuses a header that is too long."""
        if self.bounded and not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


class TarContainer:
    """A tar: entries in the order of the archive, each readable until the next is asked for.

    The compression is told by content, not by name.

    Args:
        path: the archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[Entry | Skip]:
        """Its files; links, devices and names that climb out are Skips.

        Raises:
            BadInput: not a tar, or truncated, where the stream breaks off.
        """
        name = self._path.name
        try:
            with _decompressed(self._path) as file:
                stream = _Stream(file)
                with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
                    for member in tar:
                        # The archive remembers every member for random access, which a stream has no use for.
                        tar.members = []
                        if not member.isdir():
                            yield self._entry(tar, member, stream)
        except _BROKEN as problem:
            raise BadInput(f"{name}: broken or truncated tar ({problem}); pack it anew") from problem

    def _entry(self, tar: tarfile.TarFile, member: tarfile.TarInfo, stream: _Stream) -> Entry | Skip:
        path = inside(member.name)
        if path is None:
            return Skip(printable(member.name), "its name leads out of the archive")
        path = printable(path)
        if member.issym() or member.islnk():
            return Skip(path, "a link")
        if not member.isreg():
            return Skip(path, "not a regular file")
        return Entry(path, member.size, lambda size: self._read(tar, member, stream, size), streamed=True)

    def _read(self, tar: tarfile.TarFile, member: tarfile.TarInfo, stream: _Stream, size: int) -> bytes:
        stream.bounded = False
        try:
            file = tar.extractfile(member)
            return file.read(min(size, member.size)) if file is not None else b""
        except _BROKEN as problem:
            raise BadInput(f"{self._path.name}: truncated or broken inside ({problem})") from problem
        finally:
            stream.bounded = True


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file, ExitStack() as opened:
        head = file.read(_LONGEST_MAGIC)
        file.seek(0)
        stream: Any = file
        if head.startswith(b"\x1f\x8b"):
            stream = opened.enter_context(gzip.GzipFile(fileobj=file))
        elif head.startswith(b"BZh"):
            stream = opened.enter_context(bz2.BZ2File(file))
        elif head.startswith(b"\xfd7zXZ\0"):
            stream = opened.enter_context(lzma.LZMAFile(file))
        elif head.startswith(b"\x28\xb5\x2f\xfd"):
            unpacker = zstandard.ZstdDecompressor()
            stream = opened.enter_context(unpacker.stream_reader(file, read_across_frames=True))
        yield stream
