"""Which file is the partner of which picture: a column of a table names it, or it has the picture's name elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.suggestions import did_you_mean, in_a_line
from diorama.data.sources.layout import MASKS
from diorama.data.sources.matching import match, plain
from diorama.data.sources.names import parent, printable
from diorama.data.sources.tables import Table

PARTNER = "partner"
"""The fact that names a picture's partner."""

_UNCLAIMED = "no picture has it for a partner"
_LIKE_MASKS = "its folder is called like one of masks, and a picture of another folder has its partner"

Files = Sequence[tuple[str, str]]
"""Path of each file, and inside its archive where that differs."""


@dataclass(frozen=True)
class Partners:
    """The partners of a source's pictures.

    Args:
        of: by the path of a picture, that of its partner.
        left_out: why other files of the source give no record, by path; some are partners that no picture has.
        elsewhere: the partners are files of another folder or archive.
        words: how they were found, for people.
    """

    of: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False
    words: str = ""

    @property
    def used(self) -> frozenset[str]:
        """Paths of the source's own files that are partners, and so no records."""
        return frozenset() if self.elsewhere else frozenset(self.of.values())

    def notes(self) -> Iterator[str]:
        """How partners were found, and how many pictures have none."""
        if not self.words:
            return
        alone = sum(reason != _UNCLAIMED for reason in self.left_out.values())
        unclaimed = len(self.left_out) - alone
        yield f"{counted(len(self.of), 'picture')} with a partner: {self.words}"
        if alone:
            yield f"{counted(alone, 'picture')} without a partner left out, listed among what was skipped"
        if unclaimed:
            yield f"{counted(unclaimed, 'partner')} without a picture left out, listed among what was skipped"

    def check(self, pair: str) -> None:
        """See that there is a pair at all.

        Raises:
            BadInput: there is none.
        """
        if not self.of:
            first = next(iter(self.left_out.items()), None)
            why = "there are no pictures" if first is None else f"{first[0]}: {first[1]}"
            raise BadInput(f"--pair {pair}: no picture has a partner ({why})")


def partners_by_column(column: str, table: Table, files: Files, root: Path | None) -> Partners:
    """Partners that a table names, each in the row of its picture.

    Args:
        column: of the partners' files.
        table: with that column.
        files: of the source, pictures and partners.
        root: where the source lies on disk, for absolute paths.
    """
    named = {row: printable(plain(cell)) for row, facts in table.rows.items() if (cell := facts.get(column))}
    found = match(tuple(dict.fromkeys(named.values())), files, table.folder, root)
    file_of = {cell: path for path, cell in found.rows.items()}
    used = set(file_of.values())
    pictures = [file for file in files if file[0] not in used]
    table.bind(pictures, root)
    of, left_out = {}, {}
    for path, _ in pictures:
        cell = named.get(table.matching.rows.get(path, ""))
        if cell is None:
            left_out[path] = f"the column {column!r} of {table.name} names no partner of it"
        elif cell not in file_of:
            left_out[path] = f"the partner that the column {column!r} of {table.name} names is not there"
        else:
            of[path] = file_of[cell]
    left_out |= dict.fromkeys(sorted(used - set(of.values())), _UNCLAIMED)
    how = f", matched {found.how}" if found.how else ""
    return Partners(of, left_out, words=f"named in the column {column!r} of {table.name}{how}")


def partners_by_folder(folder: str, files: Files) -> Partners:
    """Partners in a folder of the source, called as their pictures are: ``maps/a.png`` of ``photos/a.jpg``.

    The folder may stand anywhere in a path (``train/maps/cat/a.png``); where it stands, the picture has one other
    folder or none, and all else is the same but for the suffix.

    Args:
        folder: its path, or the end of it.
        files: of the source, pictures and partners.

    Raises:
        BadInput: two pictures have the same partner.
    """
    within = {path: key for path, _ in files if (key := _key_within(path, folder)) is not None}
    others = [path for path, _ in files if path not in within]
    claims = {path: _claims(path, {place for _, place in within.values()}) for path in others}
    return _joined(within, claims, f"no file of its name in {folder}", f"of the same name in {folder}")


def partners_elsewhere(folder: str, files: Files, theirs: Files) -> Partners:
    """Partners in a folder or an archive of its own, called as their pictures are, but for the suffix.

    Args:
        folder: what messages call it.
        files: of the source.
        theirs: of the folder.

    Raises:
        BadInput: two pictures have the same partner.
    """
    within = {path: (_stem(path), 0) for path, _ in theirs}
    claims = {path: [(_stem(path), 0)] for path, _ in files}
    found = _joined(within, claims, f"no file of its name in {folder}", f"of the same name in {folder}")
    alone = {path: why for path, why in found.left_out.items() if path in claims}
    return Partners(found.of, alone, elsewhere=True, words=found.words)


def folders_of(files: Files) -> set[str]:
    """All folders that hold files, at any depth, and each end of their paths."""
    ends: set[str] = set()
    for folder in {parent(path) for path, _ in files}:
        parts = folder.split("/") if folder else []
        ends |= {"/".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
    return ends


def no_such_pair(pair: str, name: str, tables: Sequence[Table], files: Files) -> BadInput:
    """What to raise where there is neither a column nor a folder of that name."""
    columns = sorted({column for table in tables for column in table.columns})
    folders = sorted(folder for folder in {parent(path) for path, _ in files} if folder)
    near = did_you_mean(pair, [*columns, *folders])
    known = f"the columns are {in_a_line(columns)}" if columns else "no table was read (--table names one)"
    inside = f"the folders are {in_a_line(folders)}" if folders else "it holds no folders"
    return BadInput(f"--pair {pair}: no table has this column, and {name} has no such folder{near}; {known}; {inside}")


def _joined(
    within: Mapping[str, tuple[str, int]],
    claims: Mapping[str, Sequence[tuple[str, int]]],
    missing: str,
    words: str,
) -> Partners:
    """Pictures and partners whose keys are equal; each picture has its keys in order of preference."""
    by_key: dict[tuple[str, int], list[str]] = {}
    for path, key in within.items():
        by_key.setdefault(key, []).append(path)
    of: dict[str, str] = {}
    left_out: dict[str, str] = {}
    taken: dict[str, str] = {}
    for path, keys in claims.items():
        found = next((by_key[key] for key in keys if key in by_key), [])
        if len(found) != 1:
            left_out[path] = missing if not found else f"{len(found)} files have its name, {' and '.join(found)}"
            continue
        other = taken.setdefault(found[0], path)
        masks = [one for one in (other, path) if _among_masks(one)]
        if other != path and len(masks) == 1:
            left_out[masks[0]] = _LIKE_MASKS
            of.pop(masks[0], None)
            path = taken[found[0]] = path if masks[0] == other else other
        elif other != path:
            raise BadInput(
                f"--pair: {other} and {path} have the same partner, {found[0]}; take one of them out of the source, or "
                "name the partners in a column of a table"
            )
        of[path] = found[0]
    left_out |= {path: _UNCLAIMED for path in within if path not in taken}
    return Partners(of, left_out, words=words)


def _among_masks(path: str) -> bool:
    return any(MASKS.fullmatch(folder) for folder in path.split("/")[:-1])


def _key_within(path: str, folder: str) -> tuple[str, int] | None:
    """A path without a folder that it leads through, and the place of that folder in it; ``None`` if it does not."""
    parts, wanted = plain(path).split("/"), folder.split("/")
    for place in range(len(parts) - len(wanted)):
        if parts[place : place + len(wanted)] == wanted:
            return _stem("/".join(parts[:place] + parts[place + len(wanted) :])), place
    return None


def _claims(path: str, places: set[int]) -> list[tuple[str, int]]:
    """The keys under which a picture's partner may be: its own path, and its path without one folder."""
    parts = plain(path).split("/")
    whole = [(_stem("/".join(parts)), place) for place in sorted(places)]
    less = [place for place in sorted(places) if place < len(parts) - 1]
    return whole + [(_stem("/".join(parts[:place] + parts[place + 1 :])), place) for place in less]


def _stem(path: str) -> str:
    before, dot, suffix = plain(path).rpartition(".")
    return before if dot and "/" not in suffix else plain(path)
