"""What preparation found, for programs (``audit.json``) and for people (``audit.html``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.files import write_json
from diorama.data.duplicates import PAIRS_AT_MOST, equal_groups, join, near_pairs
from diorama.data.record_list import RecordList
from diorama.data.sources.base import Skip

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
        }


def draw_up(records: RecordList, digests: NDArray[np.uint8], splits: Sequence[str]) -> Audit:
    """Compare all records with one another and sum up.

    Args:
        records: of all records.
        digests: (n, 16) content names.
        splits: (n,) the split of every record.
    """
    pairs, notes = alike(records, digests)
    paths = [entry.path for entry in records.entries]
    leaks = [(paths[i], paths[j]) for i, j in pairs if splits[i] != splits[j]]
    if len(leaks) > LEAKS_AT_MOST:
        notes.append(f"{len(leaks)} pairs across splits are nearly equal; the first {LEAKS_AT_MOST} are listed")
    kept = records.kept()
    return Audit(
        files=records.files,
        kept=len(kept),
        records=len(paths),
        skipped=tuple(records.skipped),
        duplicates=tuple(tuple(paths[i] for i in group) for group in join(pairs)),
        labels=records.label_counts(),
        leaks=tuple(leaks[:LEAKS_AT_MOST]),
        sizes=dict(records.sizes.most_common()),
        modes=dict(records.modes.most_common()),
        splits={name: splits.count(name) for name in dict.fromkeys(sorted(splits, key=_split_order))},
        notes=(*records.all_notes(), *notes),
    )


def alike(records: RecordList, digests: NDArray[np.uint8]) -> tuple[list[tuple[int, int]], list[str]]:
    """Pairs of equal or nearly equal records of different items, in rising order, and notes."""
    equal = equal_groups(digests)
    # Equal records have equal signatures: the first of each group is compared with others, and stands for all of it.
    heads = np.ones(len(digests), bool)
    for group in equal:
        heads[group[1:]] = False
    different = np.flatnonzero(heads)
    notes = []
    if len(different) > COMPARED_AT_MOST:
        notes.append(
            f"{len(different)} different records are too many to compare all pairs: only equal ones were sought"
        )
        near = np.zeros((0, 2), np.intp)
    else:
        near = different[near_pairs(np.stack([records.entries[i].signature for i in different]), PAIRS_AT_MOST)]
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
    if next(of_groups, None) is not None:
        notes.append(
            f"more than {PAIRS_AT_MOST} pairs of records are nearly equal: those beyond are neither among the "
            "duplicates nor among the leaks"
        )
    # Clips of one file are alike by nature, and never come apart.
    items = [entry.item for entry in records.entries]
    return sorted(pair for pair in found if items[pair[0]] != items[pair[1]]), notes


def write_audit(folder: Path, audit: Audit) -> None:
    """Write ``audit.json``."""
    write_json(folder / "audit.json", audit.to_json())


def _split_order(name: str) -> int:
    return ("train", "val", "test").index(name)
