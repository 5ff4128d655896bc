"""Lists of the files of each split, as VOC, Food-101, darknet and Caffe have them: ``train.txt``, ``val.txt`` …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.layout import Layout, split_named
from diorama.data.sources.matching import Matching, match, plain
from diorama.data.sources.names import parent, printable, stem
from diorama.data.sources.tables import Table
from diorama.media.limits import Limits

_SUFFIXES = (".txt", ".lst", ".list")
_BOTH = "trainval"
"""A list of train and val together, which says less than theirs beside it."""
_ORDER = ("train", "val", "test")
_MATCHED = 0.5
"""Share of the lines that must name files, below which a text is taken for something else."""


@dataclass(frozen=True)
class SplitTable:
    """What lists of splits say.

    Args:
        table: the split of every file, and its label where the lists have one.
        paths: of the lists.
        unlisted: files in none of them, where one lists the training split: they belong to no split.
    """

    table: Table
    paths: frozenset[str]
    unlisted: frozenset[str]


class SplitLists:
    """Gathers texts called like splits while a container passes by."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def add(self, entry: Entry, limits: Limits) -> None:
        """Keep a text if its name is that of a split; the reading that follows says what is wrong with others."""
        if not entry.path.lower().endswith(_SUFFIXES) or split_named(stem(entry.path)) is None:
            return
        try:
            self._found[entry.path] = entry.content(limits, limits.table_bytes).decode("utf-8-sig")
        except (BadInput, UnicodeDecodeError):
            return

    def table(self, files: Sequence[tuple[str, str]], layout: Layout) -> SplitTable | None:
        """What the lists say, if they lie in one folder, name files, and one of them lists another split than train.

        Args:
            files: path of each record's file, and what its archive calls it.
            layout: of the source; where its folders name classes, a number behind each path is only that of a class.
        """
        folders = {parent(path) for path in self._found}
        if len(folders) != 1 or not files:
            return None
        lists = self._without_both()
        if {split for _, split, _ in lists} <= {"train"}:
            return None
        (folder,) = folders
        named = any("label" in layout.facts(place) for place in {parent(path) for path, _ in files})
        rows: dict[str, Mapping[str, str]] = {}
        several = 0
        for _, split, lines in lists:
            for path, label in _rows(lines):
                several += rows.get(path, {}).get("split", split) != split
                rows[path] = {"split": split} | ({"label": label} if label and not named else {})
        matching = match(tuple(rows), files, folder, None)
        if len(set(matching.rows.values())) < _MATCHED * len(rows):
            return None
        name = ", ".join(path.rpartition("/")[2] for path, _, _ in lists)
        notes = [f"{several:,} files stand in several of {name}: the last of them counts"] if several else []
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        table = Table(name, columns, rows, notes=notes, folder=folder, matching=matching)
        paths = frozenset(path for path, _, _ in lists)
        return SplitTable(table, paths, frozenset(_unlisted(lists, files, matching)))

    def _without_both(self) -> list[tuple[str, str, list[str]]]:
        """Path, split and lines of each list, in the order of the splits."""
        named = {path: split for path in self._found if (split := split_named(stem(path))) is not None}
        both = [path for path in named if stem(path).lower() == _BOTH]
        if len(named) > len(both) and "val" in named.values():
            named = {path: split for path, split in named.items() if path not in both}
        lists = [(path, split, self._found[path].splitlines()) for path, split in named.items()]
        return sorted(lists, key=lambda found: (_ORDER.index(found[1]), found[0]))


def _rows(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Path and label of each line; the label is empty unless a whole number stands behind every path."""
    lines = [line.strip() for line in lines if line.strip()]
    parts = [line.replace(",", " ").replace("\t", " ").rsplit(None, 1) for line in lines]
    labelled = all(len(part) == 2 and part[1].isdecimal() for part in parts)
    for line, part in zip(lines, parts, strict=True):
        path, label = part if labelled else (line, "")
        yield printable(plain(path)), label


def _unlisted(
    lists: Sequence[tuple[str, str, list[str]]], files: Sequence[tuple[str, str]], matching: Matching
) -> Iterator[str]:
    """Files that no list names, neither themselves nor, of frames, their folder; none where no list is of train."""
    if not any(split == "train" for _, split, _ in lists):
        return
    for path, _ in files:
        if path not in matching.rows and parent(path) not in matching.rows:
            yield path


def not_read(path: str) -> Skip | None:
    """What to say of a list that was not taken for one; ``None`` where its name is not that of a list."""
    split = split_named(stem(path)) if path.lower().endswith(_SUFFIXES) else None
    if split is None:
        return None
    return Skip(path, f"not read; if it lists the {split} split, --table takes a table with columns path and split")
