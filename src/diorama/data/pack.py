"""Writing a prepared folder: records first, then the index and what the records are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.config import encode
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.files import fresh_folder, sha256_of, write_json
from diorama.data.dataset import FORMAT, MANIFEST, Dataset, checksum, open_dataset
from diorama.data.records import RECORD, Payload, decode_record, encode_record
from diorama.data.shards import SHARD_BYTES, ShardReader, ShardWriter, StoredFile
from diorama.data.splits import SPLITS
from diorama.data.statistics import channel_statistics


@dataclass(frozen=True, kw_only=True)
class PackInfo:
    """What the records of a folder are, known when all have been written.

    Args:
        name: of the data set.
        media: what one record is.
        classes: label names.
        licence: as given by the user, else empty.
        source: where the data are from, as given by the user, else empty.
        generator: what drew the records (``world``, the built-in one); empty for records of a folder or archive.
        notes: what was changed or found on the way, for people.
    """

    name: str
    media: MediaSpec
    classes: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    generator: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which split a record belongs to, and its label (-1 for none)."""

    split: str
    label: int = -1


class PackWriter:
    """Appends records to the shards of a prepared folder, then writes index and manifest.

    Records are appended inside a ``with`` block; its end closes the shards, after which they can be read and the
    folder finished.

    Args:
        folder: an existing folder that nothing else writes to.
        shards: name of the folder in it that the shards go to.
        shard_bytes: largest size of one shard.
    """

    def __init__(self, folder: Path, shards: str = "shards", shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self._name = shards
        self._shards = ShardWriter(folder / shards, shard_bytes)
        self._rows: list[bytes] = []
        self._sums: list[NDArray[np.float64]] = []
        self._facts: list[Mapping[str, Any]] = []
        self._sealed: tuple[list[StoredFile], ShardReader] | None = None

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        files = [replace(file, name=f"{self._name}/{file.name}") for file in self._shards.close()]
        self._sealed = files, ShardReader([self.folder / file.name for file in files])

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, payload: Payload, path: str, facts: Mapping[str, Any] | None = None) -> int:
        """Write one record and return its number.

        Args:
            payload: the record, from :func:`diorama.data.records.encode_record`.
            path: where it came from, posix, inside its source.
            facts: what else is known of it (caption, group …), JSON values.
        """
        self._rows.append(self._shards.append(payload).tobytes())
        self._sums.append(payload.sums)
        self._facts.append({**(facts or {}), "path": path})
        return len(self) - 1

    def rows(self) -> NDArray[np.void]:
        """Index rows of all records so far, (n,)."""
        return np.frombuffer(bytearray(b"".join(self._rows)), RECORD)

    def row(self, number: int) -> NDArray[np.void]:
        """The index row of a record, shape ()."""
        return np.frombuffer(self._rows[number], RECORD)[0]

    def facts(self, number: int) -> Mapping[str, Any]:
        """What is known of a record, its ``path`` included."""
        return self._facts[number]

    def sums(self, numbers: Sequence[int]) -> NDArray[np.float64]:
        """Sum, sum of squares, smallest and largest value of every channel of some records, (n, c, 4)."""
        return np.stack([self._sums[number] for number in numbers])

    def read(self, number: int) -> NDArray[Any]:
        """The pixels of a record, once the block has ended."""
        assert self._sealed is not None, "the block has not ended"
        row, reader = self.row(number), self._sealed[1]
        shard, offset = int(row["shard"]), int(row["offset"])
        return decode_record(reader.content(shard, offset, int(row["bytes"])), row, reader.suffix(shard, offset))

    def discard(self) -> Path:
        """The folder of the shards, to be removed: this writer is not used any more."""
        return self.folder / self._name

    def finish(self, info: PackInfo, places: Sequence[Place]) -> str:
        """Write index and manifest; the folder is a prepared folder afterwards.

        Args:
            info: what the records are.
            places: of every record, in the order in which they were appended.

        Returns:
            The content hash: it names pixels, labels, classes and units, and nothing of how they are stored.
        """
        assert self._sealed is not None, "the block has not ended"
        files, rows = list(self._sealed[0]), self.rows()
        shards = [file.name for file in files]
        rows["label"] = [place.label for place in places]
        members = {split: [i for i, place in enumerate(places) if place.split == split] for split in SPLITS}
        members = {split: numbers for split, numbers in members.items() if numbers}
        digest = _content_hash(info, {split: rows[numbers] for split, numbers in members.items()})
        for split, numbers in members.items():
            files += self._write_index(split, rows[numbers], numbers)
        counts = {split: len(numbers) for split, numbers in members.items()}
        known = DataInfo(
            name=info.name, media=info.media, classes=info.classes, count=counts.get("train", 0), sha256=digest
        )
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "sha256": digest,
            "info": encode(known),
            "splits": counts,
            "statistics": self._statistics(rows, members.get("train", [])),
            "licence": info.licence,
            "source": info.source,
            "generator": info.generator,
            "notes": list(info.notes),
            "shards": shards,
            "files": [asdict(file) for file in files + self._further_files({file.name for file in files})],
        }
        write_json(self.folder / MANIFEST, manifest | {"checksum": checksum(manifest)})
        return digest

    def _statistics(self, rows: NDArray[np.void], train: Sequence[int]) -> dict[str, list[float]]:
        if not train:
            return {}
        chosen = rows[train]
        pixels = chosen["height"].astype(np.float64) * chosen["width"] * np.maximum(chosen["frames"], 1)
        return channel_statistics(self.sums(train), pixels)

    def _write_index(self, split: str, rows: NDArray[np.void], numbers: Sequence[int]) -> list[StoredFile]:
        with (self.folder / f"{split}.npy").open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        with (self.folder / f"{split}.jsonl").open("w", encoding="utf-8", newline="\n") as lines:
            for number in numbers:
                lines.write(json.dumps(self._facts[number], ensure_ascii=False, sort_keys=True) + "\n")
        return [_stored(self.folder, f"{split}.npy"), _stored(self.folder, f"{split}.jsonl")]

    def _further_files(self, known: set[str]) -> list[StoredFile]:
        """What else the caller has put there (the audit), so that it is vouched for as well."""
        names = sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        return [_stored(self.folder, name) for name in names if name not in known and name != MANIFEST]


def _content_hash(info: PackInfo, rows: Mapping[str, NDArray[np.void]]) -> str:
    content = hashlib.sha256(json.dumps([encode(info.media), list(info.classes)], sort_keys=True).encode())
    for split, part in rows.items():
        content.update(f"{split}:{len(part)}".encode())
        content.update(np.ascontiguousarray(part["digest"]).tobytes())
        content.update(np.ascontiguousarray(part["label"]).tobytes())
    return content.hexdigest()


def _stored(folder: Path, name: str) -> StoredFile:
    return StoredFile(name=name, bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name))


def pack_arrays(
    out: Path,
    splits: Mapping[str, NDArray[Any]],
    media: MediaSpec,
    *,
    labels: Mapping[str, NDArray[np.int64]] | None = None,
    classes: Sequence[str] = (),
    name: str = "arrays",
    generator: str = "",
) -> Dataset:
    """A prepared folder from arrays in memory.

    Args:
        out: the folder; an older one there is replaced.
        splits: (n, h, w, c) or (n, t, h, w, c) for each of ``train``, ``val``, ``test`` that exists.
        media: what one record is.
        labels: (n,) for each split, numbers into ``classes``.
        classes: label names.
        name: of the data set.
        generator: what drew the records, where nothing else is among them.
    """
    with fresh_folder(out) as folder:
        places = []
        with PackWriter(folder) as writer:
            for split in SPLITS:
                for number, pixels in enumerate(splits.get(split, ())):
                    writer.append(encode_record(pixels, media.fps), f"{split}/{number:06d}")
                    places.append(Place(split=split, label=int(labels[split][number]) if labels else -1))
        writer.finish(PackInfo(name=name, media=media, classes=tuple(classes), generator=generator), places)
    return open_dataset(out)
