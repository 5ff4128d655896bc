"""What records have beside their pixels, as it lies on disk.

A side is up to three files of one folder. ``KEY.bin`` holds all values end to end. ``KEY.npy``, of a ragged side, says
where each of them begins. ``SPLIT.KEY.npy`` says of every record of a split which value is its first and how many it
has. So a batch is one selection from mapped memory, without a loop over its records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
from diorama.core.errors import BadInput
from diorama.media.convert import to_float

TARGET = "target"
"""The side that holds what stands beside records: partners, or a second set."""


def check_keys(sides: Sequence[SideSpec], media: MediaSpec) -> None:
    """Refuse sides that would take one another's place in a batch, or that of the record itself.

    Raises:
        ValueError: naming the key.
    """
    taken = {media.kind, "label", "index"}
    for spec in sides:
        if spec.key in taken:
            raise ValueError(f"sides: {spec.key} is taken, by another side or by the record itself")
        taken.add(spec.key)


def mask_side(media: MediaSpec) -> SideSpec:
    """The side ``mask`` of records of a kind, 8 bits: 255 where a model must draw, read as 1, and 0 elsewhere."""
    # Pictures are read with -1 at ``low``: so that 0 is read as 0, ``low`` lies as far below it as ``high`` above.
    own = replace(media, channels=1, dtype="uint8", low=-255.0, high=255.0)
    return SideSpec(key="mask", kind="picture", shape=own.shape, media=own)


def unpaired_side(second: DataInfo) -> SideSpec:
    """The side ``target`` that the records of a second set are to those of the first."""
    media = second.media
    return SideSpec(key=TARGET, kind="picture", shape=media.shape, media=media, unpaired=True)


def stored_form(spec: SideSpec) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape of one value as it is stored: pictures channels last, of ragged ones a row of the first axis."""
    if spec.media is not None:
        return np.dtype(spec.media.dtype), (*spec.shape[1:], spec.shape[0])  # (h, w, c) or (t, h, w, c)
    return np.dtype("uint8" if spec.kind == "text" else spec.dtype), spec.shape[spec.ragged :]


def as_batch(stored: Tensor, spec: SideSpec) -> Tensor:
    """Values in stored form, padded, as a batch has them.

    Args:
        stored: (n, *) from :meth:`Side.stored`, on any device.
        spec: of the side.

    Returns:
        (n, *spec.shape): tokens int64; pictures float32 in [-1, 1]; values of the spec's type.
    """
    if spec.media is not None:
        return to_float(stored, spec.media)
    return stored.to(torch.int64 if spec.kind == "text" else getattr(torch, spec.dtype))


def common_sides(sets: Sequence[Sequence[SideSpec]]) -> tuple[SideSpec, ...]:
    """The sides that several sets have in common, as long as the longest of them.

    Raises:
        ValueError: a key stands for different things in two of them.
    """
    found = []
    for spec in sets[0]:
        alike = [other for specs in sets for other in specs if other.key == spec.key]
        if len(alike) < len(sets):
            continue
        for other in alike:
            if form_of(other) != form_of(spec):
                raise ValueError(f"{spec.key} is not alike in them: {form_of(spec)}, and {form_of(other)}")
        longest = max(other.shape[: spec.ragged] for other in alike)
        several = max(other.several for other in alike)
        found.append(replace(spec, shape=longest + spec.shape[spec.ragged :], several=several))
    return tuple(found)


def form_of(spec: SideSpec) -> tuple[object, ...]:
    """What must be alike in two sides so that one batch may hold both: all but how long and how many they are."""
    return (*stored_form(spec), spec.kind, spec.dtype, spec.media, spec.ragged, spec.mirrored, spec.unpaired)


@dataclass(frozen=True)
class _Opened:
    """The mapped files of a side."""

    values: NDArray[Any]  # (v, *shape), of ragged sides (rows of all values, *shape of a row)
    offsets: NDArray[np.uint64] | None  # (v + 1,), in rows
    records: NDArray[np.int64]  # (n, 2): number of the first value, number of values


class Side:
    """One side of the records of a split.

    Its files are opened when the first value is asked for, so a side that nobody reads costs nothing; another process
    that it is sent to opens them anew.

    Args:
        spec: of the side.
        folder: where its files are.
        split: name of the split.
        count: records of it.
    """

    def __init__(self, spec: SideSpec, folder: Path, split: str, count: int) -> None:
        self.spec, self.folder, self.split, self.count = spec, folder, split, count

    def __getstate__(self) -> dict[str, Any]:
        """Memory maps stay behind."""
        return {name: value for name, value in self.__dict__.items() if name != "_opened"}

    @property
    def firsts(self) -> NDArray[np.int64]:
        """(count,) the number of every record's first value."""
        return self._opened.records[:, 0]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(count,) how many values every record has."""
        return self._opened.records[:, 1]

    @property
    def nbytes(self) -> int:
        """Bytes of all values of the split, padded, in stored form."""
        dtype, shape = stored_form(self.spec)
        one = math.prod(shape) * (self.spec.shape[0] if self.spec.ragged else 1) * dtype.itemsize
        return one * int(self.counts.sum())

    def alternatives(
        self, indices: NDArray[np.int64], picks: NDArray[np.float64], mirrored: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Which of their values some records are read with.

        Args:
            indices: (n,) records.
            picks: (n,) in [0, 1), shares of the way through what each has.
            mirrored: (n,) whether the record is read mirrored.

        Returns:
            (n,) places among the values of each.
        """
        counts = self.counts[indices]
        if self.spec.mirrored:
            counts = counts // 2
        places = (picks * counts).astype(np.int64)
        return places + counts * mirrored if self.spec.mirrored else places

    def stored(self, numbers: NDArray[np.int64], longest: int | None = None) -> NDArray[Any]:
        """Values in stored form, ragged ones padded with zeros; bytes of text one more than they are.

        Args:
            numbers: (n,) of the values.
            longest: length to pad ragged values to, at least that of the spec, which is the default.

        Returns:
            (n, *shape), pictures channels last; a copy that the caller may write to.
        """
        files = self._opened
        if files.offsets is None:
            return np.take(files.values, numbers, axis=0)
        begins = files.offsets[numbers].astype(np.int64)
        lengths = files.offsets[numbers + 1].astype(np.int64) - begins
        steps = np.arange(self.spec.shape[0] if longest is None else longest)
        filled = steps < lengths[:, None]  # (n, longest)
        padded = np.zeros((*filled.shape, *files.values.shape[1:]), files.values.dtype)
        rows = files.values[(begins[:, None] + steps)[filled]]
        padded[filled] = rows + np.uint8(1) if self.spec.kind == "text" else rows
        return padded

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """(n, *spec.shape), the first alternative of some records as a batch has it."""
        return as_batch(torch.from_numpy(self.stored(self.firsts[indices])), self.spec)

    @cached_property
    def _opened(self) -> _Opened:
        place = self.folder / f"{self.split}.{self.spec.key}.npy"
        try:
            return self._open(place)
        except (OSError, ValueError) as problem:
            raise BadInput(f"{place}: its side {self.spec.key} cannot be read ({problem}); make it again") from problem

    def _open(self, place: Path) -> _Opened:
        """Map the files and check that none of their numbers leads out of them."""
        dtype, shape = stored_form(self.spec)
        # A stored bool may be any byte of somebody's file: it is read as uint8 and compared with 0.
        raw = np.dtype(np.uint8) if dtype == np.bool_ else dtype
        flat = np.memmap(self.folder / f"{self.spec.key}.bin", raw, mode="r").view(np.ndarray)
        values = flat.reshape(-1, *shape)
        offsets, total = None, len(values)
        if self.spec.ragged:
            offsets = _mapped(self.folder / f"{self.spec.key}.npy")
            if offsets.dtype != np.uint64 or offsets.ndim != 1 or not len(offsets):
                raise ValueError("its offsets are none")
            if offsets[0] != 0 or (offsets[1:] < offsets[:-1]).any() or offsets[-1] != len(values):
                raise ValueError("its values do not end where they should")
            if np.diff(offsets).max(initial=0) != self.spec.shape[0]:
                raise ValueError(f"the longest of its values is not {self.spec.shape[0]} long")
            total = len(offsets) - 1
        records = _mapped(place)
        if records.dtype != np.int64 or records.shape != (self.count, 2):
            raise ValueError(f"it is not of the {self.count} records of the split")
        first, counts = records.T
        fewest = 2 if self.spec.mirrored else 1
        if (first < 0).any() or (counts < fewest).any() or (counts % fewest).any() or (first > total - counts).any():
            raise ValueError("it names values that are not there")
        if (counts > self.spec.several).any():
            raise ValueError(f"a record has more than {self.spec.several} of them")
        return _Opened(values, offsets, records)


def _mapped(path: Path) -> NDArray[Any]:
    """A mapped .npy as a plain array: selecting from a memmap proper costs several times as much."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)
