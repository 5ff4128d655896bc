"""Writing a prepared folder: records first, then the index and what the records are."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.config import encode
from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
from diorama.core.files import fresh_folder
from diorama.data.dataset import FORMAT, MANIFEST, SIDES, Dataset, open_dataset
from diorama.data.manifest import StoredFile, write_manifest
from diorama.data.records import RECORD, Payload, decode_record, encode_records
from diorama.data.shards import SHARD_BYTES, ShardReader, ShardWriter
from diorama.data.side_values import check_keys, unpaired_side
from diorama.data.side_writer import SideValues, SideWriter, described
from diorama.data.splits import SPLITS
from diorama.data.statistics import channel_statistics, values_per_channel

_ENCODED_AT_ONCE = 64
_TO_LINE = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


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
        second: the set that was prepared beside this one; ``None`` for none.
    """

    name: str
    media: MediaSpec
    classes: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    generator: str = ""
    notes: tuple[str, ...] = ()
    second: DataInfo | None = None


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
        sides: what records have beside their pixels. Text that no record has is left out in the end.
    """

    def __init__(
        self,
        folder: Path,
        shards: str = "shards",
        shard_bytes: int = SHARD_BYTES,
        sides: Sequence[SideSpec] = (),
    ) -> None:
        self.folder = folder
        self._name = shards
        self._shards = ShardWriter(folder / shards, shard_bytes)
        self._rows: list[bytes] = []
        self._places = array("Q")  # shard, offset, bytes of every record
        self._sums: list[NDArray[np.float64]] = []
        self._facts: list[str] = []  # as they are written: objects of many polygons take several times as much
        self._sides = [SideWriter(folder / shards, spec) for spec in sides]
        self._side_names: dict[str, list[bytes]] = {spec.key: [] for spec in sides}
        self._sealed: tuple[list[StoredFile], ShardReader] | None = None

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            # Whatever fails on the way, a full disk say, no file stays open.
            for side in self._sides:
                stack.callback(self._end, side)
            stack.callback(self._seal)

    def _seal(self) -> None:
        files = [replace(file, name=f"{self._name}/{file.name}") for file in self._shards.close()]
        self._sealed = files, ShardReader([self.folder / file.name for file in files])

    def _end(self, side: SideWriter) -> None:
        with closing(side):
            if side.records:  # else no record has this text, and it is left out
                self._fill_up_to(side, len(self))

    def __len__(self) -> int:
        return len(self._rows)

    def append(
        self,
        payload: Payload,
        path: str,
        facts: Mapping[str, Any] | None = None,
        sides: Mapping[str, SideValues] | None = None,
    ) -> int:
        """Write one record and return its number.

        Args:
            payload: the record, from :func:`diorama.data.records.encode_record`.
            path: where it came from, posix, inside its source.
            facts: what else is known of it (caption, group …), JSON values.
            sides: what it has beside its pixels, by key; text may be missing, and is empty then.

        Raises:
            ValueError: a side is missing, not described, or not as it was described.
        """
        given = dict(sides or {})
        for side in self._sides:
            if side.spec.key not in given and side.spec.kind == "text":
                continue
            self._fill_up_to(side, len(self))
            self._side_names[side.spec.key].append(side.append(given.pop(side.spec.key, [])))
        if given:
            raise ValueError(f"sides: {', '.join(given)} was not described when the folder was begun")
        self._rows.append(payload.row.tobytes())
        self._places.extend(self._shards.append(payload))
        self._sums.append(payload.sums)
        self._facts.append(_TO_LINE({**(facts or {}), "path": path}))
        return len(self) - 1

    def _fill_up_to(self, side: SideWriter, count: int) -> None:
        """Give an empty text to records that were appended without one."""
        while side.records < count:
            self._side_names[side.spec.key].append(side.append(""))

    def rows(self) -> NDArray[np.void]:
        """Index rows of all records so far, (n,)."""
        return self._rows_of(slice(0, len(self)))

    def row(self, number: int) -> NDArray[np.void]:
        """The index row of a record, shape ()."""
        return self._rows_of(slice(number, number + 1))[0]

    def _rows_of(self, numbers: slice) -> NDArray[np.void]:
        # Assigned for all at once: field by field of one row after another costs more than writing the records.
        rows = np.frombuffer(bytearray(b"".join(self._rows[numbers])), RECORD)
        places = np.frombuffer(self._places, np.uint64).reshape(-1, 3)[numbers]
        rows["shard"], rows["offset"], rows["bytes"] = places.T
        return rows

    def facts(self, number: int) -> Mapping[str, Any]:
        """What is known of a record, its ``path`` included."""
        found: dict[str, Any] = json.loads(self._facts[number])
        return found

    def sums(self, numbers: Sequence[int]) -> NDArray[np.float64]:
        """Sum, sum of squares, smallest and largest value of every channel of some records, (n, c, 4)."""
        return np.stack([self._sums[number] for number in numbers])

    def ranges(self) -> NDArray[np.float64]:
        """Smallest and largest value of every record, (n, 2)."""
        if len({sums.shape for sums in self._sums}) > 1:
            return np.array([[sums[:, 2].min(), sums[:, 3].max()] for sums in self._sums])
        # Records of as many channels, which are the rule, in one go: thousands of small calls would be felt.
        together = np.stack(self._sums)  # (n, c, 4)
        return np.stack([together[:, :, 2].min(1), together[:, :, 3].max(1)], axis=1)

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
            The content hash: it names pixels, labels, classes, units and sides, and nothing of how they are stored.
        """
        assert self._sealed is not None, "the block has not ended"
        beside = () if info.second is None else (unpaired_side(info.second),)
        check_keys([*(side.spec for side in self._sides), *beside], info.media)
        files, rows = list(self._sealed[0]), self.rows()
        shards = [file.name for file in files]
        rows["label"] = [place.label for place in places]
        members = {split: [i for i, place in enumerate(places) if place.split == split] for split in SPLITS}
        members = {split: numbers for split, numbers in members.items() if numbers}
        for split, numbers in members.items():
            files += self._write_index(split, rows[numbers], numbers)
        sides = self._write_sides(members)
        counts = {split: len(numbers) for split, numbers in members.items()}
        digest = self._content_hash(
            info, sides, {split: (rows[numbers], numbers) for split, numbers in members.items()}
        )
        known = DataInfo(
            name=info.name,
            media=info.media,
            classes=info.classes,
            count=counts.get("train", 0),
            sha256=digest,
            sides=(*sides, *beside),
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
        write_manifest(self.folder / MANIFEST, manifest)
        return digest

    def _statistics(self, rows: NDArray[np.void], train: Sequence[int]) -> dict[str, list[float]]:
        if not train:
            return {}
        return channel_statistics(self.sums(train), values_per_channel(rows[train]))

    def _write_index(self, split: str, rows: NDArray[np.void], numbers: Sequence[int]) -> list[StoredFile]:
        with (self.folder / f"{split}.npy").open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        with (self.folder / f"{split}.jsonl").open("w", encoding="utf-8", newline="\n") as lines:
            for number in numbers:
                lines.write(self._facts[number] + "\n")
        return [StoredFile.of(self.folder, f"{split}.npy"), StoredFile.of(self.folder, f"{split}.jsonl")]

    def _write_sides(self, members: Mapping[str, Sequence[int]]) -> tuple[SideSpec, ...]:
        """Move the sides to their folder, and write which of their values the records of each split have."""
        sides = []
        folder = self.folder / SIDES
        for writer in self._sides:
            spec, places = writer.finish()
            writer.drop_counters()
            if spec.ragged and not spec.shape[0]:
                writer.discard()
                continue
            folder.mkdir(exist_ok=True)
            for path in writer.files:
                path.rename(folder / path.name)
            for split, numbers in members.items():
                np.save(folder / f"{split}.{spec.key}.npy", places[numbers])
            sides.append(spec)
        return tuple(sides)

    def _further_files(self, known: set[str]) -> list[StoredFile]:
        """What else the caller has put there (the audit), so that it is vouched for as well."""
        names = sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        return [StoredFile.of(self.folder, name) for name in names if name not in known and name != MANIFEST]

    def _content_hash(
        self,
        info: PackInfo,
        sides: Sequence[SideSpec],
        members: Mapping[str, tuple[NDArray[np.void], Sequence[int]]],
    ) -> str:
        content = hashlib.sha256(json.dumps([encode(info.media), list(info.classes)], sort_keys=True).encode())
        for split, (rows, _) in members.items():
            content.update(f"{split}:{len(rows)}".encode())
            content.update(np.ascontiguousarray(rows["digest"]).tobytes())
            content.update(np.ascontiguousarray(rows["label"]).tobytes())
        # Sides come after all else and only where there are any: the hashes of data without them stay what they were.
        for spec in sides:
            content.update(json.dumps(encode(spec), sort_keys=True).encode())
            names = self._side_names[spec.key]
            for _, numbers in members.values():
                content.update(b"".join(names[number] for number in numbers))
        if info.second is not None:
            content.update(info.second.sha256.encode())
        return content.hexdigest()


def pack_arrays(
    out: Path,
    splits: Mapping[str, NDArray[Any]],
    media: MediaSpec,
    *,
    labels: Mapping[str, NDArray[np.int64]] | None = None,
    classes: Sequence[str] = (),
    name: str = "arrays",
    sides: Mapping[str, Mapping[str, Sequence[SideValues]]] | None = None,
    specs: Sequence[SideSpec] = (),
) -> Dataset:
    """A prepared folder from arrays in memory.

    Args:
        out: the folder; an older one there is replaced.
        splits: (n, h, w, c) or (n, t, h, w, c) for each of ``train``, ``val``, ``test`` that exists.
        media: what one record is.
        labels: (n,) for each split, numbers into ``classes``.
        classes: label names.
        name: of the data set.
        sides: for each split, by key, what every record has beside its pixels: text, or an array, or a list of
            several of either.
        specs: of sides whose values do not say what they are by their type
            (:func:`diorama.data.side_writer.described`).
    """
    given = sides or {}
    keys = dict.fromkeys(key for values in given.values() for key in values)
    known = {spec.key: spec for spec in specs}
    found = [known.get(key) or described(key, [v for of in given.values() for v in of.get(key, ())]) for key in keys]
    with fresh_folder(out) as folder:
        places = []
        with PackWriter(folder, sides=found) as writer:
            for split in SPLITS:
                for number, payload in enumerate(_encoded(splits.get(split), media.fps)):
                    own = {key: values[number] for key, values in given.get(split, {}).items()}
                    writer.append(payload, f"{split}/{number:06d}", sides=own)
                    places.append(Place(split=split, label=int(labels[split][number]) if labels else -1))
        writer.finish(PackInfo(name=name, media=media, classes=tuple(classes)), places)
    return open_dataset(out)


def _encoded(pixels: NDArray[Any] | None, fps: float | None) -> Iterator[Payload]:
    """Records ready to be written, made some at a time."""
    for start in range(0, 0 if pixels is None else len(pixels), _ENCODED_AT_ONCE):
        assert pixels is not None
        yield from encode_records(pixels[start : start + _ENCODED_AT_ONCE], fps)
