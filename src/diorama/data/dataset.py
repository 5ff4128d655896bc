"""Reading a prepared folder: what it holds, and its splits as arrays and batches."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
import torch
from numpy.typing import NDArray

from diorama.core.config import decode
from diorama.core.contracts import Batch, DataInfo
from diorama.core.errors import BadConfig, BadInput, WrongValue
from diorama.core.suggestions import did_you_mean
from diorama.data.manifest import StoredFile, check_files, read_manifest
from diorama.data.record_view import Record, in_words, place_of
from diorama.data.records import RECORD, decode_record, shape_of
from diorama.data.shards import ShardReader
from diorama.data.side_values import Side, as_batch, check_keys
from diorama.data.sources.names import inside
from diorama.media.convert import to_float
from diorama.text.bytes import decode as decode_text

FORMAT = "diorama-data/1"
MANIFEST = "dataset.json"
SIDES = "sides"
"""Folder of the files of :mod:`diorama.data.side_values` in a prepared folder."""

UNPAIRED = "unpaired"
"""Folder of the second set in a prepared folder, itself a prepared folder."""

_REMEDY = "prepare the data again"


class Split:
    """The records of one split: an index over shared shards.

    ``split[i]`` is one record with all that is known of it, ``split[i:j]`` a list of them; :meth:`read` and
    :meth:`stored` read many at once.

    A split may be sent to another process: it opens its files anew there. ``record_shape`` is (h, w, c) or
    (t, h, w, c); ``raw`` says that all records are of it and stored as they are, so that reading is a copy; ``sides``
    are what records have beside their pixels, by key; ``second`` is the same split of the second set beside this one,
    which is read as the side ``target``, and ``None`` where there is none; ``generator`` says what drew them
    (``world``), is empty for records of unknown origin, and ``None`` where the preparation is older than that field.
    """

    def __init__(
        self,
        name: str,
        info: DataInfo,
        rows: NDArray[np.void],
        shards: ShardReader,
        folder: Path,
        *,
        generator: str | None = "",
        second: Split | None = None,
    ) -> None:
        if second is None:  # so that nothing is promised that cannot be read
            info = replace(info, sides=tuple(spec for spec in info.sides if not spec.unpaired))
        self.name, self.info, self.generator, self.second = name, info, generator, second
        self.sides = {spec.key: Side(spec, folder / SIDES, name, len(rows)) for spec in info.sides if not spec.unpaired}
        facts = folder / f"{name}.jsonl"
        self._rows, self._shards, self._facts_file = rows, shards, facts
        self._facts: list[dict[str, Any]] | None = None
        self._labels = rows["label"].astype(np.int64)
        self._shard, self._offset = np.ascontiguousarray(rows["shard"]), np.ascontiguousarray(rows["offset"])
        # Equal records at multiples of their size lie in a shard like the rows of a matrix.
        size = int(rows["bytes"][0]) if len(rows) else 0
        self.raw = bool(
            len(rows)
            and not rows["encoded"].any()
            and (rows["bytes"] == size).all()
            and not (self._offset % size).any()
        )
        self._size = size
        media = info.media
        frames = () if media.frames is None else (media.frames,)
        self.record_shape = (*frames, media.height, media.width, media.channels)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        """One line: how many records of what."""
        return f"Split({self.info.name!r}, {self.name!r}: {in_words(self.info, len(self))})"

    @overload
    def __getitem__(self, index: SupportsIndex) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Record | list[Record]:
        """One record, counted from the end where ``index`` is negative; or several.

        Raises:
            IndexError: there is no such record.
            BadInput: it is damaged.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = place_of(index, len(self), f"split {self.name!r} of {self.info.name}")
        number = int(self._labels[place])
        return Record(
            pixels=self.record(place),
            split=self.name,
            index=place,
            label=self.info.classes[number] if 0 <= number < len(self.info.classes) else None,
            captions=self._captions(place),
            facts=self.facts(np.array([place]))[0],
        )

    def _captions(self, index: int) -> tuple[str, ...]:
        side = self.sides.get("tokens")
        if side is None or side.spec.kind != "text":
            return ()
        first, count = int(side.firsts[index]), int(side.counts[index])
        return tuple(decode_text(as_batch(torch.from_numpy(side.stored(np.arange(first, first + count))), side.spec)))

    @property
    def nbytes(self) -> int:
        """Bytes of all records as they are when decoded, in stored units."""
        return len(self) * int(np.prod(self.record_shape)) * np.dtype(self.info.media.dtype).itemsize

    def record(self, index: int) -> NDArray[Any]:
        """One record in stored units, (h, w, c) or (t, h, w, c), of its own shape."""
        row = self._rows[index]
        shard, offset = int(row["shard"]), int(row["offset"])
        content = self._shards.content(shard, offset, int(row["bytes"]))
        return decode_record(content, row, self._shards.suffix(shard, offset))

    def stored(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Records in stored units.

        Args:
            indices: (n,) in [0, len(self)).

        Returns:
            (n, h, w, c) or (n, t, h, w, c) of the media's type; a copy that the caller may write to.

        Raises:
            BadInput: a record is damaged.
        """
        indices = np.asarray(indices, dtype=np.int64)
        if self.raw:
            flat = self._shards.gather(self._shard[indices], self._offset[indices], self._size)
            return flat.view(self.info.media.dtype).reshape(len(indices), *self.record_shape)
        records = np.empty((len(indices), *self.record_shape), self.info.media.dtype)
        for place, index in enumerate(indices):
            records[place] = self.record(int(index))
        return records

    def labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """(n,) class numbers, or ``None`` where the data have no labels."""
        return self._labels[np.asarray(indices)] if self.info.classes else None

    def fps(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n,) frames a second of every clip, 0 where the clock is unknown."""
        return self._rows["fps"][np.asarray(indices)].astype(np.float32)

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of every record, (h, w, c) or (t, h, w, c)."""
        return [shape_of(row) for row in self._rows]

    def with_side(self, side: Side) -> Split:
        """The same records with a further side, from :func:`diorama.data.sides.open_side`; ``info`` names it as well.

        Raises:
            ValueError: it is of other records, or its key is taken.
        """
        if side.count != len(self) or side.split != self.name:
            raise ValueError(f"{side.spec.key}: is a side of {side.count} records of {side.split}, not of these")
        specs = (*self.info.sides, side.spec)
        check_keys(specs, self.info.media)
        extended = copy.copy(self)
        extended.info = replace(self.info, sides=specs)
        extended.sides = self.sides | {side.spec.key: side}
        return extended

    def read(self, indices: NDArray[np.int64], keys: Collection[str] | None = None) -> Batch:
        """A batch on the CPU.

        Args:
            indices: (n,) in [0, len(self)).
            keys: what is wanted of it; ``None`` for all.

        Returns:
            ``image`` or ``video`` in [-1, 1], ``label`` where there are labels, every side (of several alternatives
            the first, of a second set the record of the same number, counted round), and ``index``.
        """
        indices = np.asarray(indices, dtype=np.int64)
        batch = {"index": torch.from_numpy(indices.copy())}
        if keys is None or self.info.media.kind in keys:
            batch[self.info.media.kind] = to_float(torch.from_numpy(self.stored(indices)), self.info.media)
        labels = self.labels(indices)
        if labels is not None and (keys is None or "label" in keys):
            batch["label"] = torch.from_numpy(labels)
        wanted = (side for key, side in self.sides.items() if keys is None or key in keys)
        batch |= {side.spec.key: side.read(indices) for side in wanted}
        for spec in self.info.sides:
            if spec.unpaired and self.second is not None and (keys is None or spec.key in keys):
                batch[spec.key] = as_batch(torch.from_numpy(self.second.stored(indices % len(self.second))), spec)
        return batch

    def facts(self, indices: NDArray[np.int64]) -> list[dict[str, Any]]:
        """What is known of each record beside its pixels: ``path``, and what the source's table says."""
        # Read when first asked for: training never does.
        if self._facts is None:
            with self._facts_file.open(encoding="utf-8", newline="\n") as lines:
                self._facts = [json.loads(line) for line in lines]
        return [self._facts[int(index)] for index in indices]

    def paths(self, indices: NDArray[np.int64]) -> list[str]:
        """Where each record came from, inside its source."""
        return [str(fact["path"]) for fact in self.facts(indices)]


class Dataset:
    """A prepared folder.

    ``dataset["train"]`` is a split, ``dataset[i]`` one record of all of them, in the order of :attr:`splits`.

    Args:
        path: the folder.
        manifest: the content of its ``dataset.json``.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self.info: DataInfo = decode(DataInfo, manifest["info"], f"{path / MANIFEST}: info")
        check_keys(self.info.sides, self.info.media)
        self.splits: Mapping[str, int] = dict(manifest["splits"])
        self.files = tuple(StoredFile(**file) for file in manifest["files"])
        names = [*manifest["shards"], *manifest["splits"], *(file.name for file in self.files)]
        # A manifest may come from anybody, and is not to have other files of this machine read.
        if any(inside(name) != name for name in names):
            raise ValueError("it names files outside the folder")
        self._shards = ShardReader([path / name for name in manifest["shards"]])
        self._opened: dict[str, Split] = {}

    def __len__(self) -> int:
        """Records of all splits."""
        return sum(self.splits.values())

    def __repr__(self) -> str:
        """One line: kind, size, splits, classes and sides."""
        splits = ", ".join(f"{name} {count:,}" for name, count in self.splits.items())
        return f"Dataset({self.info.name!r}: {in_words(self.info, len(self))}; {splits})"

    @overload
    def __getitem__(self, index: str) -> Split: ...
    @overload
    def __getitem__(self, index: SupportsIndex) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: str | SupportsIndex | slice) -> Split | Record | list[Record]:
        """A split by its name, a record by its place among all splits' one after another, or several records.

        Raises:
            BadInput: there is no such split, or a record is damaged.
            IndexError: there is no such record.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if isinstance(index, str):
            return self._split_kept(index)
        place = place_of(index, len(self), self.info.name)
        for name, count in self.splits.items():
            if place < count:
                return self._split_kept(name)[place]
            place -= count
        raise AssertionError("the splits have as many records as the dataset")

    def _split_kept(self, name: str) -> Split:
        # Its index, and what is known of its records, are read once for all records that are asked for.
        if name not in self._opened:
            self._opened[name] = self.split(name)
        return self._opened[name]

    @property
    def training(self) -> Split:
        """The records of ``train``, for work that knows no other.

        Raises:
            BadInput: there are none, or their index cannot be read.
        """
        if "train" not in self.splits:
            raise BadInput(
                f"{self.path}: has no split 'train', only {', '.join(self.splits)}, so there is nothing to train on "
                "(diorama prepare --split .8,.1,.1 divides all records anew)"
            )
        return self.split("train")

    def split(self, name: str) -> Split:
        """The records of ``train``, ``val`` or ``test``.

        Raises:
            WrongValue: there is no such split.
            BadInput: its index cannot be read.
        """
        if name not in self.splits:
            near = did_you_mean(name, self.splits)
            raise WrongValue(f"{self.path}: has no split {name!r}{near}, only {', '.join(self.splits)}")
        index = self.path / f"{name}.npy"
        try:
            rows = np.load(index, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as problem:
            raise BadInput(f"{index}: cannot be read ({problem}); {_REMEDY}") from problem
        if rows.dtype != RECORD or len(rows) != self.splits[name]:
            raise BadInput(f"{index}: is not the index that {MANIFEST} describes; {_REMEDY}")
        generator, second = self.manifest.get("generator"), self.second
        beside = second.split(name) if second is not None and second.splits.get(name) else None
        return Split(name, self.info, rows, self._shards, self.path, generator=generator, second=beside)

    @cached_property
    def second(self) -> Dataset | None:
        """The set that was prepared beside this one with ``--unpaired``; ``None`` where there is none."""
        if not any(spec.unpaired for spec in self.info.sides):
            return None
        return _described(self.path / UNPAIRED)  # its files are among those of this folder, and are checked with them

    def verify(self) -> None:
        """Hash every file.

        Raises:
            BadInput: a file is missing or differs from what was written; the message names it.
        """
        for file in self.files:
            file.check(self.path, _REMEDY)

    def check_sizes(self) -> None:
        """Like :meth:`verify`, but compares lengths only."""
        for file in self.files:
            file.check_size(self.path, _REMEDY)


def is_prepared(path: Path | str) -> bool:
    """Whether ``path`` is a folder that ``diorama prepare`` wrote."""
    return (Path(path) / MANIFEST).is_file()


def open_dataset(path: Path | str) -> Dataset:
    """Open a prepared folder and check that it is whole.

    Args:
        path: the folder. Up to 1 GiB every byte is checked, beyond that lengths only.

    Raises:
        BadInput: not a prepared folder, an unknown format, or a damaged file, named in the message.
    """
    folder = Path(path)
    if not is_prepared(folder):
        raise BadInput(f"{folder}: is not a prepared folder (it has no {MANIFEST}); run `diorama prepare` first")
    dataset = _described(folder)
    check_files(folder, dataset.files, _REMEDY)
    return dataset


def _described(folder: Path) -> Dataset:
    manifest = read_manifest(folder / MANIFEST, FORMAT, _REMEDY)
    try:
        return Dataset(folder, manifest)
    except (ValueError, KeyError, TypeError, AttributeError, BadConfig) as problem:
        raise BadInput(f"{folder / MANIFEST}: is damaged ({problem}); {_REMEDY}") from problem
