"""What preparation knows of every record while it reads: where it came from and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diorama.data.duplicates import equal_groups, join
from diorama.data.intake import Intake
from diorama.data.objects import Objects
from diorama.data.sources.base import Item, Scan, Skip, Source, most_frequent
from diorama.data.sources.names import natural
from diorama.data.splits import Membership

UNLABELLED = "(none)"
"""The class of records without a label where others have one."""


@dataclass(frozen=True)
class ListedRecord:
    """One record.

    Args:
        item: path of the item that it was made from, unique over all sources.
        path: the same, and ``#0``, ``#1`` … where an item gives several records.
        facts: what the source knows of the item.
        split: the split that the source names, if any.
        group: records of one group stay on one side.
        signature: (f, s, s, 3) uint8, for the search of duplicates.
        captions: all that it has.
        objects: boxes and masks in it, in the pixels of its picture.
        size: height and width of that picture.
        scan: what the header of a medical file says of it; in memory only.
    """

    item: str
    path: str
    facts: Mapping[str, str]
    split: str | None
    group: str
    signature: NDArray[np.uint8]
    captions: Sequence[str] = ()
    objects: Objects | None = None
    size: tuple[int, int] = (0, 0)
    scan: Scan | None = None


class RecordList:
    """All records in the order in which they were written, and counts for the audit.

    Args:
        group: the fact whose equal values stay together; ``None`` keeps only records of one item together.
    """

    def __init__(self, group: str | None = None) -> None:
        self.group = group
        self.entries: list[ListedRecord] = []
        self.skipped: list[Skip] = []
        self.notes: list[str] = []
        self.files = self.items = self.items_kept = 0
        self.sizes: Counter[str] = Counter()
        self.modes: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._names: set[str] = set()
        self._of_patient: dict[str, str] = {}

    def kept(self) -> list[str]:
        """The items that gave a record, in order."""
        return list(dict.fromkeys(entry.item for entry in self.entries))

    def add(self, source: str, given: Item, intake: Intake) -> list[ListedRecord]:
        """Note what became of an item of a source, and return its records."""
        self.items += 1
        if intake.skipped:
            self.skipped.append(Skip(given.path, intake.skipped))
            return []
        self.items_kept += 1
        item, facts, captions = self._unique(source, given.path), given.facts, given.all_captions()
        # Groups stand in notes: what is of one patient is named by the first of it, never by who it is.
        together = item if given.scan is None else self._of_patient.setdefault(given.scan.group, item)
        width, height = intake.size
        self.sizes[f"{width}x{height}"] += 1
        self.modes[intake.mode] += 1
        self._done.update(intake.notes)
        # A path alone names a record, in the audit and in the index, so clips of one file are numbered.
        several = len(intake.records) > 1
        entries = [
            ListedRecord(
                item=item,
                path=f"{item}#{number}" if several else item,
                facts=facts,
                split=facts.get("split"),
                group=(facts.get(self.group) if self.group else None) or together,
                signature=taken.signature,
                captions=captions,
                objects=given.objects,
                size=(height, width),
                scan=given.scan,
            )
            for number, taken in enumerate(intake.records)
        ]
        self.entries += entries
        return entries

    def finish_source(self, source: Source) -> None:
        """Note what a source says of itself once it is exhausted."""
        self.files += source.files
        self.skipped += source.skipped
        self.notes += source.notes

    def replace_entries(self, entries: Sequence[ListedRecord], reason: str) -> None:
        """Take over the entries of unified records; items that gave none are skipped for ``reason``."""
        remaining = {entry.item for entry in entries}
        self.skipped += [Skip(item, reason) for item in self.kept() if item not in remaining]
        self.entries = list(entries)
        self.items_kept = len(remaining)

    def why_empty(self, sources: Sequence[str]) -> str:
        """What to say when nothing gave a record."""
        found = (
            f"none of {self.files} files can be used ({most_frequent(self.skipped)})" if self.files else "it is empty"
        )
        return f"{', '.join(sources)}: {found}; pictures, clips or arrays are needed"

    def all_notes(self) -> tuple[str, ...]:
        """What was decided and done, a sentence each."""
        done = [f"{count} x {note}" for note, count in sorted(self._done.items())]
        return tuple(dict.fromkeys([*self.notes, *done]))

    def members(self, digests: NDArray[np.uint8]) -> list[Membership]:
        """What decides on the split of every record; groups that share an equal record are one.

        Args:
            digests: (n, 16) of all records.
        """
        groups = {name: number for number, name in enumerate(dict.fromkeys(entry.group for entry in self.entries))}
        numbers = [groups[entry.group] for entry in self.entries]
        links = [(numbers[same[0]], numbers[other]) for same in equal_groups(digests) for other in same[1:]]
        # Groups that share an equal record are named by the first of them, and so are divided as one.
        heads = {member: group[0] for group in join(links) for member in group}
        names = list(groups)
        return [
            Membership(entry.split, names[heads.get(number, number)])
            for entry, number in zip(self.entries, numbers, strict=True)
        ]

    def classes(self) -> tuple[tuple[str, ...], list[int]]:
        """Label names in natural order, and the label of every record (-1 where there are none at all)."""
        names = [entry.facts.get("label") for entry in self.entries]
        if not any(names):
            return (), [-1] * len(names)
        labels = [name or UNLABELLED for name in names]
        classes = tuple(sorted(set(labels), key=_natural))
        numbers = {name: number for number, name in enumerate(classes)}
        return classes, [numbers[label] for label in labels]

    def label_counts(self) -> dict[str, int]:
        """Items of every label."""
        first = {entry.item: entry.facts.get("label") for entry in self.entries}
        if not any(first.values()):
            return {}
        counts = Counter(label or UNLABELLED for label in first.values())
        return {name: counts[name] for name in sorted(counts, key=_natural)}

    def _unique(self, source: str, path: str) -> str:
        """``path``, after the source's name where another source has the same."""
        name, number = path, 1
        while name in self._names:
            name = f"{source}/{path}" if number == 1 else f"{source}-{number}/{path}"
            number += 1
        self._names.add(name)
        return name


def moved(entry: ListedRecord, signature: NDArray[np.uint8], number: int | None) -> ListedRecord:
    """The entry of a record made from another, ``number`` counting several."""
    path = entry.path if number is None else f"{entry.path}#{number}"
    return replace(entry, signature=signature, path=path)


def _natural(name: str) -> tuple[bool, list[tuple[int, int, str]], str]:
    """Whole numbers before words, and numbers in words by value: ages 5-9 stand before 10-19."""
    return (not name.isdecimal(), natural(name), name)
