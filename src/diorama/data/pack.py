"""Writing a prepared folder: records first, then the index and what the records are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.config import encode
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.files import fresh_folder, sha256_of, write_json, write_text
from diorama.data.dataset import FORMAT, MANIFEST, Dataset, checksum, open_dataset
from diorama.data.records import RECORD, Payload, encode_record
from diorama.data.shards import SHARD_BYTES, ShardWriter, StoredFile
from diorama.data.statistics import channel_statistics

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class PackInfo:
    """What the records of a folder are, known when all have been written.

    Args:
        name: of the data set.
        media: what one record is.
        classes: label names.
        licence: as given by the user, else empty.
        source: where the data are from, as given by the user, else empty.
        notes: what was changed or found on the way, for people.
    """

    name: str
    media: MediaSpec
    classes: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which split a record belongs to, and its label (-1 for none)."""

    split: str
    label: int = -1


@dataclass
class _Written:
    rows: list[NDArray[np.void]] = field(default_factory=list)
    sums: list[NDArray[np.float64]] = field(default_factory=list)
    facts: list[Mapping[str, Any]] = field(default_factory=list)


class PackWriter:
    """Appends records to the shards of a prepared folder, then writes index and manifest.

    Args:
        folder: an existing folder that nothing else writes to.
        shard_bytes: largest size of one shard.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self._shards = ShardWriter(folder / "shards", shard_bytes)
        self._written = _Written()

    def __len__(self) -> int:
        return len(self._written.rows)

    def append(self, payload: Payload, path: str, facts: Mapping[str, Any] | None = None) -> int:
        """Write one record and return its number.

        Args:
            payload: the record, from :func:`diorama.data.records.encode_record`.
            path: where it came from, posix, inside its source.
            facts: what else is known of it (caption, group …), JSON values.
        """
        self._written.rows.append(self._shards.append(payload))
        self._written.sums.append(payload.sums)
        self._written.facts.append({"path": path, **(facts or {})})
        return len(self) - 1

    def finish(self, info: PackInfo, places: Sequence[Place | None]) -> str:
        """Write index and manifest; the folder is a prepared folder afterwards.

        Args:
            info: what the records are.
            places: of every record in the order they were appended; ``None`` leaves a record out.

        Returns:
            The content hash.
        """
        rows = np.concatenate(self._written.rows) if len(self) else np.zeros(0, RECORD)
        files = [replace(file, name=f"shards/{file.name}") for file in self._shards.close()]
        shards = [file.name for file in files]
        splits: dict[str, int] = {}
        content = hashlib.sha256(json.dumps([encode(info.media), list(info.classes)], sort_keys=True).encode())
        for split in SPLITS:
            chosen = [i for i, place in enumerate(places) if place is not None and place.split == split]
            if not chosen:
                continue
            part = rows[chosen]
            part["label"] = [place.label for i in chosen if (place := places[i]) is not None]
            splits[split] = len(chosen)
            content.update(f"{split}:{len(chosen)}".encode())
            content.update(np.ascontiguousarray(part["digest"]).tobytes())
            content.update(np.ascontiguousarray(part["label"]).tobytes())
            files += self._write_index(split, part, [self._written.facts[i] for i in chosen])
        digest = content.hexdigest()
        train = [i for i, place in enumerate(places) if place is not None and place.split == "train"]
        sizes = rows[train]["height"].astype(np.float64) * rows[train]["width"] * np.maximum(rows[train]["frames"], 1)
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "sha256": digest,
            "info": encode(
                DataInfo(
                    name=info.name,
                    media=info.media,
                    classes=info.classes,
                    count=splits.get("train", 0),
                    sha256=digest,
                )
            ),
            "splits": splits,
            "statistics": channel_statistics([self._written.sums[i] for i in train], sizes),
            "licence": info.licence,
            "source": info.source,
            "notes": list(info.notes),
            "shards": shards,
            "files": [
                {"name": file.name, "bytes": file.bytes, "sha256": file.sha256}
                for file in files + self._further_files({file.name for file in files})
            ],
        }
        write_json(self.folder / MANIFEST, manifest | {"checksum": checksum(manifest)})
        return digest

    def _write_index(self, split: str, rows: NDArray[np.void], facts: list[Mapping[str, Any]]) -> list[StoredFile]:
        with (self.folder / f"{split}.npy").open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        lines = (json.dumps(fact, ensure_ascii=False, sort_keys=True) for fact in facts)
        write_text(self.folder / f"{split}.jsonl", "\n".join(lines) + "\n")
        return [_stored(self.folder, f"{split}.npy"), _stored(self.folder, f"{split}.jsonl")]

    def _further_files(self, known: set[str]) -> list[StoredFile]:
        """What else the caller has put there (the audit), so that it is vouched for as well."""
        names = sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        return [_stored(self.folder, name) for name in names if name not in known and name != MANIFEST]


def _stored(folder: Path, name: str) -> StoredFile:
    return StoredFile(name=name, bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name))


def pack_arrays(
    out: Path,
    splits: Mapping[str, NDArray],
    media: MediaSpec,
    *,
    labels: Mapping[str, NDArray[np.int64]] | None = None,
    classes: Sequence[str] = (),
    name: str = "arrays",
) -> Dataset:
    """A prepared folder from arrays in memory.

    Args:
        out: the folder; an older one there is replaced.
        splits: (n, h, w, c) or (n, t, h, w, c) for each of ``train``, ``val``, ``test`` that exists.
        media: what one record is.
        labels: (n,) for each split, numbers into ``classes``.
        classes: label names.
        name: of the data set.
    """
    with fresh_folder(out) as folder:
        writer, places = PackWriter(folder), []
        for split in SPLITS:
            for number, pixels in enumerate(splits.get(split, ())):
                writer.append(encode_record(pixels, media.fps), f"{split}/{number:06d}")
                places.append(Place(split=split, label=int(labels[split][number]) if labels else -1))
        writer.finish(PackInfo(name=name, media=media, classes=tuple(classes)), places)
    return open_dataset(out)
