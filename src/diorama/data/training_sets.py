"""The data of a training: one set or several, what they are, and a hash that names them all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.core.files import cache_folder
from diorama.data.dataset import Dataset, Split
from diorama.data.raw import open_any
from diorama.data.side_values import TARGET, common_sides

Data = Path | str | Sequence[Path | str | tuple[Path | str, float]]
"""One data set, or several, each alone or with the weight it is drawn with."""


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What a run trains on.

    Args:
        info: of all sets together, with the sides that all have: what recipes are made from.
        train: the training splits with their weights.
        val: the first set's validation split, which picks the best model; ``None`` where it has none.
    """

    info: DataInfo
    train: tuple[tuple[Split, float], ...]
    val: Split | None


def open_training_data(data: Data) -> TrainingData:
    """Open what ``data`` names: prepared folders, small raw ones (prepared once, into a cache), built-in worlds.

    Raises:
        BadInput: a set cannot be read or has no training split.
        BadConfig: the sets differ in shape, units or classes, or in what a side is.
    """
    listed = [data] if isinstance(data, (str, Path)) else list(data)
    weighted = [entry if isinstance(entry, tuple) else (entry, 1.0) for entry in listed]
    sets = [(open_any(path, cache_folder()), weight) for path, weight in weighted]
    first = sets[0][0]
    for other, _ in sets[1:]:
        for field in ("media", "classes"):
            here, there = getattr(first.info, field), getattr(other.info, field)
            if here != there:
                raise BadConfig(
                    f"data: {first.info.name} and {other.info.name} differ in {field} ({here}; {there}); "
                    "prepare them alike to train on both"
                )
    train = tuple((dataset.training, weight) for dataset, weight in sets)
    val = first.split("val") if first.splits.get("val") else None
    return TrainingData(info=_together(sets), train=train, val=val)


def left_unread(data: TrainingData, keys: Sequence[str] | None) -> tuple[str, ...]:
    """That a second set stands beside the records and is not read, for people; empty where nothing is left out.

    Args:
        data: of the run.
        keys: of the batches that are read; ``None`` for all.
    """
    if keys is None or TARGET in keys:
        return ()
    records = sum(len(split) for split, _ in data.train)
    others = sum(len(split.second) for split, _ in data.train if split.second is not None)
    if not others:
        return ()
    return (
        f"trains on the {records:,} records of the first set alone, and reads none of the {others:,} of the second "
        "(--unpaired); cyclegan reads both, and of a set that is prepared by itself all records are read",
    )


def _together(sets: Sequence[tuple[Dataset, float]]) -> DataInfo:
    """The first set's info where it is alone; else names joined, counts added, hashes and weights hashed."""
    infos = [dataset.info for dataset, _ in sets]
    if len(sets) == 1:
        return infos[0]
    try:
        sides = common_sides([info.sides for info in infos])
    except ValueError as problem:
        raise BadConfig(f"data: {problem}; prepare the sets alike to train on all") from problem
    # The weights belong to the name: the same sets in other shares are other data.
    names = "\n".join(f"{dataset.info.sha256} {weight!r}" for dataset, weight in sets)
    return replace(
        infos[0],
        name=" + ".join(info.name for info in infos),
        count=sum(info.count for info in infos),
        sha256=hashlib.sha256(names.encode()).hexdigest(),
        sides=sides,
    )
