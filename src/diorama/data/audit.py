"""What preparation found, for programs (``audit.json``) and for people (``audit.html``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.contracts import MediaSpec
from diorama.core.files import write_json
from diorama.data.clip_duplicates import SIDE, near_clips
from diorama.data.duplicates import (
    CLIP_SIDE,
    PAIRS_AT_MOST,
    alike_in_detail,
    equal_groups,
    join,
    near_pairs,
    small_colours,
)
from diorama.data.record_list import RecordList
from diorama.data.sources.base import Skip
from diorama.data.splits import SPLITS
from diorama.data.statistics import brightness_counts, plain_records, values_per_channel

LEAKS = "leaks: "
"""How the note on leaks begins."""

COMPARED_AT_MOST = 250_000
"""Different records up to which all pairs are compared; beyond, only equal ones are found, and the audit says so."""

LEAKS_AT_MOST = 10_000
"""Pairs across splits that are listed; beyond, the audit says how many there are."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What preparation found.

    Args:
        files: files and archive entries seen.
        kept: items kept: pictures, clips, frame folders.
        records: records written; a long clip gives several.
        skipped: what was left out, and why.
        duplicates: groups of equal and nearly equal records, mirrored ones included, by path.
        labels: items of every label.
        leaks: pairs of equal or nearly equal records in different splits, by path.
        sizes: items of every size before fitting, ``WIDTHxHEIGHT``.
        modes: items of every mode, as their files say.
        splits: records of every split.
        notes: what was decided and done on the user's behalf.
        labels_by_split: records of every label in every split that has some.
        brightness: records by their mean value, in :data:`~diorama.data.statistics.SHADES` equal steps from the value
            that stands for -1 to the one for +1.
        plain: records that are of one colour all over, by path.
    """

    files: int
    kept: int
    records: int
    skipped: tuple[Skip, ...]
    duplicates: tuple[tuple[str, ...], ...]
    labels: dict[str, int]
    leaks: tuple[tuple[str, str], ...]
    sizes: dict[str, int]
    modes: dict[str, int]
    splits: dict[str, int]
    notes: tuple[str, ...]
    labels_by_split: dict[str, dict[str, int]] = field(default_factory=dict)
    brightness: tuple[int, ...] = ()
    plain: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The content of ``audit.json``."""
        return {
            "files": self.files,
            "kept": self.kept,
            "records": self.records,
            "skipped": [{"path": skip.path, "reason": skip.reason} for skip in self.skipped],
            "duplicates": [list(group) for group in self.duplicates],
            "labels": self.labels,
            "leaks": [list(pair) for pair in self.leaks],
            "sizes": self.sizes,
            "modes": self.modes,
            "splits": self.splits,
            "notes": list(self.notes),
            "labels_by_split": self.labels_by_split,
            "brightness": list(self.brightness),
            "plain": list(self.plain),
        }


def draw_up(
    records: RecordList, digests: NDArray[np.uint8], splits: Sequence[str], read: Callable[[int], NDArray[Any]]
) -> Audit:
    """Compare all records with one another and sum up.

    Args:
        records: of all records.
        digests: (n, 16) content names.
        splits: (n,) the split of every record.
        read: gives the pixels of a record.
    """
    pairs, notes = alike(records, digests, read)
    paths = [entry.path for entry in records.entries]
    apart = [(i, j) for i, j in pairs if splits[i] != splits[j]]
    notes += _leak_notes([(splits[i], splits[j]) for i, j in apart])
    kept = records.kept()
    return Audit(
        files=records.files,
        kept=len(kept),
        records=len(paths),
        skipped=tuple(records.skipped),
        duplicates=tuple(tuple(paths[i] for i in group) for group in join(pairs)),
        labels=records.label_counts(),
        leaks=tuple((paths[i], paths[j]) for i, j in apart[:LEAKS_AT_MOST]),
        sizes=dict(records.sizes.most_common()),
        modes=dict(records.modes.most_common()),
        splits={name: splits.count(name) for name in dict.fromkeys(sorted(splits, key=_split_order))},
        notes=(*records.all_notes(), *notes),
        labels_by_split=_labels_by_split(records, splits),
    )


def with_pixels(
    audit: Audit, records: RecordList, rows: NDArray[np.void], sums: NDArray[np.float64], media: MediaSpec
) -> Audit:
    """The audit with what the pixels say: how bright the records are, and which are of one colour.

    Args:
        audit: without it.
        records: of all records.
        rows: (n,) their index rows.
        sums: (n, c, 4) of every record: sum, sum of squares, smallest, largest.
        media: what they are.
    """
    return replace(
        audit,
        brightness=tuple(brightness_counts(sums, values_per_channel(rows), media.low, media.high)),
        plain=tuple(records.entries[i].path for i in plain_records(sums)),
    )


def _leak_notes(sides: Sequence[tuple[str, str]]) -> list[str]:
    """What leaks mean and what to do, given the splits of each."""
    if not sides:
        return []
    counts = Counter(tuple(sorted(pair, key=_split_order)) for pair in sides)
    words = ", ".join(f"{count} in {one} and {other}" for (one, other), count in sorted(counts.items()))
    pairs = "1 pair of records shows" if len(sides) == 1 else f"{len(sides):,} pairs of records show"
    notes = [
        f"{LEAKS}{pairs} the same in different splits ({words}), so a model is measured on what it has learnt by "
        "heart, and scores flatter; look at the pairs, then remove one of each from the source, or give both the "
        "same value in a column of a table and name it with --table FILE --group COLUMN"
    ]
    if len(sides) > LEAKS_AT_MOST:
        notes.append(f"{len(sides):,} pairs across splits are nearly equal; the first {LEAKS_AT_MOST} are listed")
    return notes


def alike(
    records: RecordList, digests: NDArray[np.uint8], read: Callable[[int], NDArray[Any]]
) -> tuple[list[tuple[int, int]], list[str]]:
    """Pairs of equal or nearly equal records of different items, in rising order, and notes."""
    equal = equal_groups(digests)
    # Equal records have equal signatures: the first of each group is compared with others, and stands for all of it.
    heads = np.ones(len(digests), bool)
    for group in equal:
        heads[group[1:]] = False
    different = np.flatnonzero(heads)
    notes, complete = [], True
    if len(different) > COMPARED_AT_MOST:
        notes.append(
            f"{len(different):,} different records are too many to compare all pairs: only equal ones were sought"
        )
        near = np.zeros((0, 2), np.intp)
    else:
        places, complete = _near(records, different, read)
        near = different[places]
    members = {int(group[0]): [int(i) for i in group] for group in equal}
    found = {(int(group[0]), int(other)) for group in equal for other in group[1:]}
    # A generator, since two large groups that are nearly equal have a pair for every two of their members.
    of_groups = (
        (min(i, j), max(i, j))
        for one, other in near
        for i in members.get(int(one), [int(one)])
        for j in members.get(int(other), [int(other)])
    )
    found |= set(islice(of_groups, PAIRS_AT_MOST))
    if next(of_groups, None) is not None or not complete:
        notes.append(
            f"more than {PAIRS_AT_MOST} pairs of records look nearly equal, and the search ended there: those beyond "
            "are neither among the duplicates nor among the leaks"
        )
    # Clips of one file are alike by nature, and never come apart.
    items = [entry.item for entry in records.entries]
    return sorted(pair for pair in found if items[pair[0]] != items[pair[1]]), notes


def by_reason(skipped: Sequence[Skip]) -> list[tuple[str, list[str]]]:
    """Why things were left out, the most frequent reason first, each with the paths that it holds for."""
    paths: dict[str, list[str]] = {}
    for skip in skipped:
        paths.setdefault(skip.reason, []).append(skip.path)
    return sorted(paths.items(), key=lambda item: -len(item[1]))


def _near(
    records: RecordList, numbers: NDArray[np.intp], read: Callable[[int], NDArray[Any]]
) -> tuple[NDArray[np.intp], bool]:
    """Pairs of nearly equal records among some, as places in ``numbers``, and whether the search came to its end."""
    chosen = [records.entries[i] for i in numbers]
    found = np.stack([entry.signature for entry in chosen])

    def small(place: int, side: int) -> NDArray[np.uint8]:
        """(t, side, side, 3) of a clip."""
        return small_colours(read(int(numbers[place]))[None], side)[0]

    if found.shape[2] != CLIP_SIDE:
        pairs = near_pairs(found, PAIRS_AT_MOST)
        return alike_in_detail(pairs, lambda place: read(int(numbers[place]))), len(pairs) <= PAIRS_AT_MOST
    _, items = np.unique([entry.item for entry in chosen], return_inverse=True)
    # Counted among all records, since of equal ones the first alone is among the chosen.
    counts: Counter[str] = Counter()
    places = np.zeros(len(records.entries), np.intp)
    for number, entry in enumerate(records.entries):
        places[number] = counts[entry.item]
        counts[entry.item] += 1
    return near_clips(found, items, places[numbers], partial(small, side=SIDE)), True


def write_audit(folder: Path, audit: Audit) -> None:
    """Write ``audit.json``."""
    write_json(folder / "audit.json", audit.to_json())


def _labels_by_split(records: RecordList, splits: Sequence[str]) -> dict[str, dict[str, int]]:
    classes, labels = records.classes()
    counts = Counter(zip(labels, splits, strict=True))
    return {
        name: {split: counts[number, split] for split in SPLITS if counts[number, split]}
        for number, name in enumerate(classes)
    }


def _split_order(name: str) -> int:
    return SPLITS.index(name)
