"""What is known of a record beside its pixels: from where it lies, and from tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from diorama.core.errors import BadInput
from diorama.data.objects import Objects
from diorama.data.sources.base import Skip
from diorama.data.sources.layout import Layout, split_named
from diorama.data.sources.names import parent
from diorama.data.sources.tables import Table


class FactReader:
    """Facts of records by their path.

    What a table says counts more than the folder.

    Args:
        tables: in order of precedence.
        layout: what the folders mean.
    """

    def __init__(self, tables: Sequence[Table], layout: Layout) -> None:
        self._tables, self._layout = tables, layout
        self._places: dict[str, Mapping[str, str]] = {}
        self._strange: dict[str, int] = {}
        self._without_row = 0
        self._overruled = self._by_folder = 0

    def of(self, path: str) -> Mapping[str, str]:
        """The facts of one record by its path inside the source."""
        place = self._of_place(parent(path))
        if not self._tables:
            return place
        facts = dict(place)
        rows = [row for table in self._tables if (row := table.facts(path)) is not None]
        self._without_row += not rows
        if "label" in place:
            told = next((row["label"] for row in rows if "label" in row), place["label"])
            self._overruled += told != place["label"]
            self._by_folder += not any("label" in row for row in rows)
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

    def has_row(self, path: str) -> bool:
        """Whether a table knows the record."""
        return any(table.facts(path) is not None for table in self._tables)

    def captions(self, path: str) -> Sequence[str]:
        """All captions of a record that has several; empty where one alone stands among its facts, or none."""
        return next((found for table in self._tables if (found := table.captions_of(path))), ())

    def objects(self, path: str) -> Objects | None:
        """Boxes and masks of a record out of all tables, those of several tables once."""
        found = [objects for table in self._tables if (objects := table.objects_of(path)) is not None]
        if len(found) < 2:
            return found[0] if found else None
        regions = {(region.category, region.box): region for objects in reversed(found) for region in objects.regions}
        return Objects(tuple(regions.values()), next((objects.size for objects in found if objects.size), None))

    def missing(self) -> Iterator[Skip]:
        """Rows whose file has not come, each once: tables that belong together name the same files."""
        named = set[str]()
        for table in self._tables:
            for skip in table.missing():
                if skip.path not in named:
                    yield skip
                named.add(skip.path)

    def notes(self) -> Iterator[str]:
        """How tables were read, and what was found odd."""
        for table in self._tables:
            yield from table.said()
        if self._without_row:
            names = " and ".join(table.name for table in self._tables)
            yield f"{self._without_row:,} records have no row in {names}"
        yield from self._notes_on_folders()
        for split, count in self._strange.items():
            yield f"{count:,} records name the split {split!r}, which is none of train, val and test: left open"

    def _notes_on_folders(self) -> Iterator[str]:
        """Where folders and tables name different classes."""
        names = " and ".join(table.name for table in self._tables)
        if self._overruled:
            yield f"{self._overruled:,} records have another label in {names} than their folder: the table counts"
            if self._by_folder:
                yield f"{self._by_folder:,} records without a label in {names} have that of their folder"

    def _of_place(self, folder: str) -> Mapping[str, str]:
        """What a folder says of all that lies in it."""
        if folder not in self._places:
            self._places[folder] = self._layout.facts(folder)
        return self._places[folder]


def check_columns(tables: Sequence[Table], wanted: Mapping[str, str | None], unread: Sequence[str] = ()) -> None:
    """See that some table has each column that was asked for: without it folders would give the labels, unsaid.

    Args:
        tables: that were read.
        wanted: columns by the option that asks for them, such as ``group``; ``None`` where it was not given.
        unread: paths of files that look like tables and were not read.

    Raises:
        BadInput: no table has one of the columns.
    """
    for option, column in wanted.items():
        if column is None or any(column in table.columns for table in tables):
            continue
        columns = sorted({column for table in tables for column in table.columns})
        known = f"the columns are {', '.join(columns)}" if columns else "no table was read"
        way = f"--table names one, such as {unread[0]} of the source" if unread else "--table names one"
        raise BadInput(f"--{option} {column}: no table has this column; {known}{'' if columns else f'; {way}'}")
