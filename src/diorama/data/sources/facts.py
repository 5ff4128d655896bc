"""What is known of a record beside its pixels: from where it lies, and from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.data.sources.names import parent
from diorama.data.sources.tables import Table

_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def split_named(name: str) -> str | None:
    """The split (train, val or test) that a folder, an archive or a table's cell names."""
    return _SPLITS.get(name.lower())


class FactReader:
    """Facts of records by their path.

    The label is the parent folder; a top folder named as a split is one, also under a single folder around
    everything (seen at the first record). What a table says counts more.

    Args:
        tables: in order of precedence.
        group: a column that at least one of them must have.

    Raises:
        BadInput: no table has the column.
    """

    def __init__(self, tables: Sequence[Table], group: str | None = None) -> None:
        self._tables = tables
        self._wrapper: str | None = None
        self._places: dict[str, Mapping[str, str]] = {}
        self._strange: dict[str, int] = {}
        self._without_row = 0
        if group is not None and not any(group in table.columns for table in tables):
            columns = sorted({column for table in tables for column in table.columns})
            known = f"the columns are {', '.join(columns)}" if columns else "there is no table; give one with --table"
            raise BadInput(f"{group}: no table has this column to group by; {known}")

    def of(self, path: str, inner: str = "") -> Mapping[str, str]:
        """The facts of one record.

        Args:
            path: inside the source.
            inner: inside its archive.
        """
        place = self._of_place(parent(path))
        if not self._tables:
            return place
        facts = dict(place)
        rows = [row for table in self._tables if (row := table.facts(path, inner)) is not None]
        self._without_row += not rows
        # The first table counts most, and so is laid over the others.
        for row in reversed(rows):
            facts.update(row)
        if "split" in facts:
            split = split_named(facts["split"])
            if split is None:
                self._strange[facts["split"]] = self._strange.get(facts["split"], 0) + 1
                del facts["split"]
            else:
                facts["split"] = split
        return facts

    def captions(self, path: str, inner: str = "") -> Sequence[str]:
        """All captions of a record that has several; empty where one alone stands among its facts, or none."""
        places = [table.captions[place] for table in self._tables for place in (path, inner) if place in table.captions]
        return places[0] if places else ()

    def missing(self) -> Iterator[Skip]:
        """Rows whose file has not come."""
        for table in self._tables:
            yield from table.missing()

    def notes(self) -> Iterator[str]:
        """What was found odd."""
        if self._without_row:
            names = " and ".join(table.name for table in self._tables)
            yield f"{self._without_row} records have no row in {names}"
        for split, count in self._strange.items():
            yield f"{count} records name the split {split!r}, which is none of train, val and test: left open"

    def _of_place(self, folder: str) -> Mapping[str, str]:
        """What a folder says of all that lies in it."""
        if folder not in self._places:
            self._places[folder] = dict(self._from_place(folder))
        return self._places[folder]

    def _from_place(self, folder: str) -> Iterator[tuple[str, str]]:
        folders = folder.split("/") if folder else []
        if self._wrapper is None:
            # Archives often hold one folder with everything in it, of which the splits are one level down.
            wrapped = len(folders) > 1 and not split_named(folders[0]) and split_named(folders[1])
            self._wrapper = folders[0] if wrapped else ""
        if self._wrapper and folders and folders[0] == self._wrapper:
            folders = folders[1:]
        split = split_named(folders[0]) if folders else None
        if split is not None:
            yield "split", split
            folders = folders[1:]
        if folders:
            yield "label", folders[-1]
