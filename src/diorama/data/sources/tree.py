"""The source behind folders, archives and single files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.base import Item, Skip, SourceOptions
from diorama.data.sources.entries import Container, Entry
from diorama.data.sources.facts import FactReader, check_columns
from diorama.data.sources.paired import PartnerFiles, find_partners
from diorama.data.sources.partners import Files, Partners
from diorama.data.sources.records import RecordBuilder
from diorama.data.sources.survey import Survey, survey
from diorama.data.sources.tables import Table, read_table


class TreeSource:
    """Records of a container: looked over once as a whole, then read in order.

    Args:
        name: for messages.
        container: a folder, archive or single file.
        options: how it is read.
        root: where it lies on disk, for tables that name files so.

    Raises:
        BadInput: the table given cannot be read, or has not the columns that the options name.
    """

    def __init__(self, name: str, container: Container, options: SourceOptions, root: Path | None = None) -> None:
        self.name, self._root = name, root
        self._container, self._options = container, options
        self._files = self._rows_used = 0
        self._skipped: list[Skip] = []
        self._notes: list[str] = []
        self._given: Table | None = None
        if options.table is not None:
            self._given = read_table(options.table, options.limits, options.columns)
            check_columns([self._given], self._wanted)

    @property
    def files(self) -> int:
        """Files and archive entries seen, readable or not; tables that were used are not among them."""
        return self._files

    @property
    def rows_used(self) -> int:
        """Rows of tables that meant a file."""
        return self._rows_used

    @property
    def skipped(self) -> Sequence[Skip]:
        """What gives no record, and rows of tables without a file."""
        return self._skipped

    @property
    def notes(self) -> Sequence[str]:
        """What was decided on the user's behalf."""
        return self._notes

    def items(self) -> Iterator[Item]:
        """The records in the container's order.

        Raises:
            BadInput: the container is broken before its first record, or no table has a column that the options name.
        """
        self._files, self._skipped, self._notes = 0, [], []
        tables = [self._given] if self._given is not None else list(self._survey.tables.values())
        tables += [] if self._survey.beside is None else [self._survey.beside]
        self._check_pairs()
        check_columns(tables, self._wanted, self._survey.unread)
        for table in tables:
            table.bind(self._survey.files, self._root)
        self._rows_used = sum(len(table.matching.rows) for table in tables)
        facts = FactReader(tables, self._survey.layout)
        count = 0
        for item in self._read(facts):
            count += 1
            yield item
        self._skipped.extend(facts.missing())
        self._notes.extend(self._decisions(count))
        self._notes.extend(facts.notes())
        self._notes.extend(self._survey.partners.notes())
        self._notes.extend(self._container.notes())

    @property
    def _wanted(self) -> dict[str, str | None]:
        """Columns that a table must have, by the option that asks for them."""
        wanted = {"group": self._options.group}
        # Rows of Parquet have columns of their own, and are asked for those of labels and captions one file at a time.
        if self._options.table is None and self._survey.holds_rows:
            return wanted
        return wanted | {"label": self._options.columns.label, "caption": self._options.columns.caption}

    @cached_property
    def _survey(self) -> Survey:
        return survey(self._container, self._options, None if self._options.pair is None else self._partners)

    def _partners(self, files: Files, tables: Sequence[Table]) -> Partners:
        known = tables if self._given is None else [self._given]
        return find_partners(self._options, self.name, files, known, self._root)

    def _check_pairs(self) -> None:
        pair, found = self._options.pair, self._survey
        if pair is None:
            return
        if found.clips:
            raise BadInput(f"--pair {pair}: is of pictures, and {self.name} holds clips")
        if found.holds_rows:
            raise BadInput(f"--pair {pair}: partners are not read from the rows of Parquet; save its pictures as files")
        found.partners.check(pair)

    def _read(self, facts: FactReader) -> Iterator[Item]:
        builder = RecordBuilder(self._survey, facts, self._options)
        any_record = False
        try:
            for result in self._results(builder):
                if isinstance(result, Skip):
                    self._skipped.append(result)
                else:
                    any_record = True
                    yield result
        except BadInput as problem:
            # A broken container with records is as good as its records; without any it is no source.
            if not any_record:
                raise
            self._skipped.append(Skip.because(self.name, problem))
        self._notes.extend(builder.notes)
        self._notes.extend(builder.frames_note())

    def _results(self, builder: RecordBuilder) -> Iterator[Item | Skip]:
        # A path names one record; an archive may hold it twice, and the first is what readers of archives go by.
        used = set[str]()
        partners = None if self._options.pair is None else PartnerFiles(self._container, self._survey, self._options)
        broken_tables = {skip.path: skip for skip in self._survey.broken_tables}
        for entry in self._container.entries():
            if entry.path in self._survey.tables or entry.path in self._survey.sidecars or self._is_given(entry):
                continue
            if entry.path in self._survey.partners.used:
                continue
            self._files += 1
            if isinstance(entry, Skip):
                yield entry
            elif entry.path in broken_tables:
                yield broken_tables[entry.path]
            elif entry.path in used:
                yield Skip(entry.path, "a second file of this name")
            else:
                used.add(entry.path)
                results = self._taken(builder, entry)
                yield from results if partners is None else map(partners.joined, results)
        yield from builder.finish()

    def _is_given(self, entry: Entry | Skip) -> bool:
        """Whether a file of the source is the table of the options, which has been read."""
        table = self._options.table
        if table is None or isinstance(entry, Skip) or entry.file is None or entry.file.name != table.name:
            return False
        return entry.file.samefile(table)

    def _taken(self, builder: RecordBuilder, entry: Entry) -> Iterator[Item | Skip]:
        """What a file gives; one that breaks off in its archive is a Skip, and the container says what follows."""
        try:
            yield from builder.take(entry)
        except BadInput as problem:
            yield Skip.because(entry.path, problem)

    def _decisions(self, count: int) -> Iterator[str]:
        found = list(self._survey.tables.values()) if self._given is None else [self._given]
        for table in (*found, *([] if self._survey.beside is None else [self._survey.beside])):
            yield f"facts were read from {table.name}"
        if self._survey.listed_frames:
            yield "the list of samples names folders of pictures, which are the frames of one clip each"
        yield from self._survey.layout.notes()
        yield from several_of_one_name([path for path, _ in self._survey.files])
        if self._survey.strips:
            way_out = "" if self._options.strip else "; --no-strip keeps them pictures"
            yield f"{count:,} pictures were read as film strips, one clip each{way_out}"
        elif self._survey.mixed and self._options.clips is None:
            kept, left = ("clips", "still pictures") if self._survey.clips else ("still pictures", "clips")
            yield f"there are more {kept} than {left}: the {left} were left out"


def several_of_one_name(paths: Sequence[str]) -> Iterator[str]:
    """A note where most files are parts of one sample, as `0001.jpg` and `0001.mask.png` in a shard are.

    Args:
        paths: of all files that give records.
    """
    parts: dict[str, list[str]] = {}
    for path in paths:
        folder, slash, name = path.rpartition("/")
        parts.setdefault(folder + slash + name.partition(".")[0], []).append(path)
    several = [names for names in parts.values() if len(names) > 1]
    if 2 * len(several) > len(parts):
        yield (
            f"{sum(map(len, several)):,} files share a name with another, such as {' and '.join(several[0][:2])}: each "
            "became a record of its own, so take out what is a mask or target of another"
        )
