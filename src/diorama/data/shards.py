"""Shards: bounded files of records. Raw records lie end to end, encoded ones as members of WebDataset tars."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.data.manifest import StoredFile
from diorama.data.records import Payload

SHARD_BYTES = 256 << 20
"""A shard is closed before it grows beyond this."""

_BLOCK = 512
_WRITTEN_AT_ONCE = 1 << 20


class _OpenShard:
    """A shard being written; hashes as it goes, so that nothing is read twice."""

    def __init__(self, path: Path, name: str) -> None:
        self.name, self.size = name, 0
        self._hash, self._held, self._held_bytes = hashlib.sha256(), list[bytes](), 0
        self._file: BinaryIO = path.open("wb")

    def write(self, content: bytes) -> None:
        """Append; small records are held back until there are enough to be worth a call."""
        self._held.append(content)
        self.size, self._held_bytes = self.size + len(content), self._held_bytes + len(content)
        if self._held_bytes >= _WRITTEN_AT_ONCE:
            self._flush()

    def close(self, end: bytes) -> StoredFile:
        """Finish the file and say what it is; on a full disk it is closed as well."""
        self._held.append(end)
        self.size += len(end)
        try:
            self._flush()
        finally:
            self._file.close()
        return StoredFile(name=self.name, bytes=self.size, sha256=self._hash.hexdigest())

    def _flush(self) -> None:
        content = b"".join(self._held)
        self._held, self._held_bytes = [], 0
        self._file.write(content)
        self._hash.update(content)


class ShardWriter:
    """Appends records to shards in ``folder``."""

    def __init__(self, folder: Path, limit: int = SHARD_BYTES) -> None:
        self.folder, self.limit = folder, limit
        self._open: dict[bool, tuple[int, _OpenShard]] = {}
        self._files: list[StoredFile | None] = []
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, payload: Payload) -> tuple[int, int, int]:
        """Write one record and return where it lies: number of the shard, offset in it, bytes."""
        encoded = bool(payload.suffix)
        number, shard = self._shard_for(encoded, len(payload.content))
        if encoded:
            member = tarfile.TarInfo(f"{self._count:09d}{payload.suffix}")
            member.size = len(payload.content)
            shard.write(member.tobuf(tarfile.USTAR_FORMAT))
        offset = shard.size
        shard.write(payload.content)
        if encoded:
            shard.write(bytes(-shard.size % _BLOCK))
        self._count += 1
        return number, offset, len(payload.content)

    def close(self) -> list[StoredFile]:
        """Finish the shards and say what they hold, in the order of their numbers."""
        with ExitStack() as stack:
            # The raw and the encoded shard: where the first meets a full disk, the other is closed still.
            for encoded in list(self._open):
                stack.callback(self._finish, encoded)
        return [file for file in self._files if file is not None]

    def _shard_for(self, encoded: bool, size: int) -> tuple[int, _OpenShard]:
        # A tar needs a header, padding, and two empty blocks at its end beside the content.
        if encoded in self._open and self._open[encoded][1].size + size + 4 * _BLOCK > self.limit:
            self._finish(encoded)
        if encoded not in self._open:
            number = len(self._files)
            name = f"{number:05d}.{'tar' if encoded else 'bin'}"
            self._files.append(None)  # known when it is finished; a raw and an encoded shard may be open at once
            self._open[encoded] = (number, _OpenShard(self.folder / name, name))
        return self._open[encoded]

    def _finish(self, encoded: bool) -> None:
        number, shard = self._open.pop(encoded)
        self._files[number] = shard.close(bytes(2 * _BLOCK) if encoded else b"")


class ShardReader:
    """Maps shards into memory on first touch and gathers records from them.

    Args:
        paths: the shard files in the order of their numbers.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._maps: dict[int, NDArray[np.uint8]] = {}

    def __getstate__(self) -> dict[str, object]:
        """Memory maps stay behind when a reader is sent to another process."""
        return {"paths": self.paths, "_maps": {}}

    def content(self, shard: int, offset: int, size: int) -> memoryview:
        """The bytes of one record."""
        return self._map(shard)[offset : offset + size].data

    def suffix(self, shard: int, offset: int) -> str:
        """``""`` in a raw shard, else the suffix of the tar member whose content starts at ``offset``."""
        if self.paths[shard].suffix != ".tar":
            return ""
        # A member's header stands in the block before its content and begins with the name.
        head = bytes(self._map(shard)[offset - _BLOCK : offset - _BLOCK + 100])
        name = head.split(b"\0", 1)[0].decode("ascii", "replace")
        return "." + name.partition(".")[2]

    def gather(self, shards: NDArray[np.uint32], offsets: NDArray[np.uint64], size: int) -> NDArray[np.uint8]:
        """Raw records of one size.

        Args:
            shards: (n,) shard numbers.
            offsets: (n,) multiples of ``size``.
            size: bytes of every record.

        Returns:
            (n, size).
        """
        places = (offsets // np.uint64(size)).astype(np.intp)
        first = int(shards[0]) if len(shards) else 0
        # Small sets are one shard, of which a plain selection will do.
        if len(shards) and not np.any(shards != first):
            return np.take(self._rows(first, size), places, axis=0)
        gathered = np.empty((len(shards), size), np.uint8)
        for shard in np.unique(shards):
            chosen = np.flatnonzero(shards == shard)
            gathered[chosen] = np.take(self._rows(int(shard), size), places[chosen], axis=0)
        return gathered

    def _rows(self, shard: int, size: int) -> NDArray[np.uint8]:
        flat = self._map(shard)
        # All raw records of a set have one size, so a shard is a matrix with a record in each row.
        return flat[: len(flat) // size * size].reshape(-1, size)

    def _map(self, shard: int) -> NDArray[np.uint8]:
        if shard not in self._maps:
            path = self.paths[shard]
            try:
                self._maps[shard] = np.memmap(path, np.uint8, mode="r").view(np.ndarray)
            except (OSError, ValueError) as problem:
                raise BadInput(f"{path}: cannot be read ({problem}); prepare the data again") from problem
        return self._maps[shard]
