"""Writing what records have beside their pixels, value by value."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from diorama.core.contracts import MediaSpec, SideSpec
from diorama.data.side_values import stored_form

SideValue = str | float | NDArray[Any]
"""One value: text, a number, or an array, channels last where it is a picture."""

SideValues = SideValue | Sequence[SideValue]
"""What a record has of a side: one value, or a list of alternatives (also stacked in an array of one more axis)."""

_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}


class SideWriter:
    """Appends the values of a side, record by record, to files that :class:`~diorama.data.side_values.Side` reads.

    Records are appended inside a ``with`` block, after which the files are finished. Lengths and numbers of values are
    streamed to files of their own until then, so that writing may go on after it was broken off.

    Args:
        folder: an existing folder for the files.
        spec: of the side; how long ragged values are and how many alternatives there are is found out.
        resume: go on after the last whole record of files that are there; they are made anew otherwise.
    """

    def __init__(self, folder: Path, spec: SideSpec, *, resume: bool = False) -> None:
        self.folder, self.spec = folder, spec
        self._dtype, self._shape = stored_form(spec)
        self._row_bytes = int(np.prod(self._shape)) * self._dtype.itemsize
        self._paths = [folder / f"{spec.key}{suffix}" for suffix in (".bin", ".lengths", ".counts")]
        if resume:
            self._cut_to_whole_records()
        self._files: list[BinaryIO] = [path.open("ab" if resume else "wb") for path in self._paths]
        self.bytes, self.records = self._files[0].tell(), self._files[2].tell() // 4

    def __enter__(self) -> SideWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the block; on a full disk every file is closed as well."""
        with ExitStack() as stack:
            for file in self._files:
                stack.callback(file.close)

    def append(self, values: SideValues) -> bytes:
        """Write what one record has, and return 16 bytes that name it.

        Raises:
            ValueError: of another shape or type than the spec says.
        """
        alternatives = [self._stored(value) for value in _alternatives(values, len(self.spec.shape))]
        if not alternatives or (self.spec.mirrored and len(alternatives) % 2):
            raise ValueError(f"{self.spec.key}: record {self.records} has {len(alternatives)} values")
        lengths = np.array([len(value) if self.spec.ragged else 1 for value in alternatives], np.uint64)
        content = b"".join(value.tobytes() for value in alternatives)
        counts = np.array([len(alternatives)], np.uint32)
        for file, part in zip(self._files, (content, lengths.tobytes(), counts.tobytes()), strict=True):
            file.write(part)
        self.bytes, self.records = self.bytes + len(content), self.records + 1
        return hashlib.blake2b(lengths.tobytes() + content, digest_size=16).digest()

    def commit(self) -> None:
        """Have the disk hold what was appended; a record is there once the last file counts it."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> tuple[SideSpec, NDArray[np.int64]]:
        """Finish the files, once the block has ended.

        Returns:
            What the side came to be, and of every record the number of its first value and how many it has, (n, 2).
        """
        lengths, counts = self._written()
        shape = self.spec.shape
        if self.spec.ragged:
            np.save(self.folder / f"{self.spec.key}.npy", np.append(np.uint64(0), lengths.cumsum(dtype=np.uint64)))
            shape = (int(lengths.max(initial=0)), *shape[1:])
        firsts = counts.cumsum(dtype=np.int64) - counts
        spec = replace(self.spec, shape=shape, several=int(counts.max(initial=1)))
        return spec, np.stack([firsts, counts.astype(np.int64)], axis=1)

    def drop_counters(self) -> None:
        """Remove the files that only writing on would need."""
        for path in self._paths[1:]:
            path.unlink()

    @property
    def files(self) -> list[Path]:
        """Those that stay, once finished."""
        return [self._paths[0], *([self.folder / f"{self.spec.key}.npy"] if self.spec.ragged else [])]

    def discard(self) -> None:
        """Remove them."""
        for path in self.files:
            path.unlink()

    def _written(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """The length of every value, and how many of them each record has."""
        return np.fromfile(self._paths[1], np.uint64), np.fromfile(self._paths[2], np.uint32)

    def _cut_to_whole_records(self) -> None:
        """Cut the files after the last record of which all bytes are there."""
        for path in self._paths:
            path.touch()
        lengths, counts = self._written()
        ends = np.concatenate([[0], counts.cumsum(dtype=np.int64)])  # values before each record, and in the end
        whole = int(np.searchsorted(ends, len(lengths), "right")) - 1
        rows = np.concatenate([[0], lengths.cumsum(dtype=np.int64)])[ends[: whole + 1]]
        whole = int(np.searchsorted(rows * self._row_bytes, self._paths[0].stat().st_size, "right")) - 1
        for path, size in zip(self._paths, (rows[whole] * self._row_bytes, ends[whole] * 8, whole * 4), strict=True):
            os.truncate(path, int(size))

    def _stored(self, value: SideValue) -> NDArray[Any]:
        """One value in stored form, (rows, *shape) where it is ragged."""
        where = f"{self.spec.key} of record {self.records}"
        if (self.spec.kind == "text") != isinstance(value, str):
            raise ValueError(f"{where}: {self.spec.kind} is wanted, got {type(value).__name__}")
        if isinstance(value, str):
            return np.frombuffer(value.encode(errors="replace"), np.uint8)
        array = np.asarray(value)
        if array.ndim != len(self.spec.shape) or array.shape[self.spec.ragged :] != self._shape:
            raise ValueError(f"{where}: has the shape {array.shape}, all are {self._shape}")
        # Numbers may be stored narrower than they come; pixels have units, and are to come in them.
        if not np.can_cast(array.dtype, self._dtype, "no" if self.spec.kind == "picture" else "same_kind"):
            raise ValueError(f"{where}: is of type {array.dtype}, {self._dtype} is wanted")
        return array.astype(self._dtype)


def described(key: str, records: Sequence[SideValues]) -> SideSpec:
    """What values that nobody has described are, by their type.

    Text is text. Bytes and 16-bit integers of three and four axes are pictures and clips, channels last, in
    [0, 255] and [0, 65535]. Other numbers are values: truth values, integers or floats, ragged along the first axis
    where that differs.

    Args:
        key: of the side.
        records: what every record has; at least one.
    """
    alternatives = [value for values in records for value in _alternatives(values)]
    if isinstance(alternatives[0], str):
        return SideSpec(key=key, kind="text", shape=(0,), ragged=True)
    first = np.asarray(alternatives[0])
    if first.dtype.name in _FULL_SCALE and first.ndim in (3, 4):
        height, width, channels = first.shape[-3:]
        media = MediaSpec(
            kind="video" if first.ndim == 4 else "image",
            channels=channels,
            height=height,
            width=width,
            dtype=cast(Any, first.dtype.name),
            high=_FULL_SCALE[first.dtype.name],
            frames=len(first) if first.ndim == 4 else None,
        )
        return SideSpec(key=key, kind="picture", shape=media.shape, media=media)
    ragged = first.ndim > 0 and len({np.shape(value)[0] for value in alternatives}) > 1
    dtype = {"b": "bool", "i": "int64", "u": "int64"}.get(first.dtype.kind, "float32")
    return SideSpec(key=key, kind="values", shape=first.shape, ragged=ragged, dtype=cast(Any, dtype))


def _alternatives(values: SideValues, axes: int | None = None) -> Sequence[SideValue]:
    """What a record has of a side as a list; an array of one more axis than ``axes`` holds several."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, Sequence):
        return values
    if axes is not None and np.ndim(values) == axes + 1:
        return list(np.asarray(values))
    return [values]
