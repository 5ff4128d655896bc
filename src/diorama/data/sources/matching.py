"""Which file a row of a table means: people write absolute paths, paths with folders too many or too few, no suffix."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from diorama.data.sources.names import MEDIA, content_of

_MOST_FOLDERS_OFF, _MOST_PARTS = 4, 3
_ENOUGH = 0.5
_IDENTIFIER = re.compile(r"(^|[^a-z])(id|image|img|file|picture|photo)([^a-z]|$)", re.IGNORECASE)
_FRACTION = re.compile(r"-?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Matching:
    """How the rows of a table were matched with files.

    Args:
        rows: by the file's path, the row's.
        how: in what way, for people; empty where rows name files as they are.
    """

    rows: Mapping[str, str]
    how: str = ""


def plain(path: str) -> str:
    """A path as it is compared: forward slashes, composed letters, no ``./``."""
    path = unicodedata.normalize("NFC", path.strip().replace("\\", "/"))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def match(rows: Sequence[str], files: Sequence[tuple[str, str]], folder: str, root: Path | None) -> Matching:
    """Match rows with files: as they stand if half of them do, else in the way that matches most.

    Args:
        rows: paths that a table names, as :func:`plain` makes them.
        files: path of each file inside the source, and inside its archive where that differs.
        folder: where in the source the table lies.
        root: where the source lies on disk, for absolute paths.
    """
    best = Matching({})
    # Once, and not for every way: there may be a million files.
    named = [(path, frozenset((plain(path), plain(inner or path)))) for path, inner in files]
    for spelling in _SPELLINGS:
        # Only where the plain ways fail: each reading of the spelling is one more pass over all files.
        signed = spelling.sign is not None and len(best.rows) < len(rows) and any(map(spelling.sign.search, rows))
        if len(best.rows) >= _ENOUGH * len(rows) and not signed:
            continue
        spelt = {spelling.row(row): row for row in rows}
        alike = named
        if spelling.file is not _same:
            alike = [(path, frozenset(map(spelling.file, names))) for path, names in named]
        for way in _ways(folder, root):
            found = _matched(tuple(spelt), alike, way)
            if len(found) > len(best.rows):
                how = ", ".join(filter(None, (way.words, spelling.words)))
                best = Matching({path: spelt[row] for path, row in found.items()}, how)
            if len(found) >= _ENOUGH * len(rows) and not way.guessed:
                break
    return best


@dataclass(frozen=True)
class _Way:
    """One way of reading a row's path.

    Args:
        words: for people; empty for the plain ones.
        row: from a row's path to what is compared, ``None`` where the way does not apply.
        file: likewise of a file's path.
        guessed: other ways may match more.
    """

    words: str
    row: Callable[[str], str | None]
    file: Callable[[str], str | None]
    guessed: bool = True


@dataclass(frozen=True)
class _Spelling:
    """What is taken for the same in the paths of rows and files.

    Args:
        words: for people; empty for what they plainly name.
        row: a row's path as it is compared.
        file: likewise of a file's path.
        sign: by which rows show that they are spelt so, although others are matched as they stand.
    """

    words: str
    row: Callable[[str], str]
    file: Callable[[str], str]
    sign: re.Pattern[str] | None = None


def _from_url(path: str) -> str:
    """A path out of an address: without scheme and query, and with ``%20`` and the like as letters."""
    # Paths are compared with single slashes, so `https://host/a` comes as `https:/host/a`.
    found = _SCHEME.match(path)
    if found:
        path = path[found.end() :] if found[1].lower() != "file" else "/" + path[found.end() :]
        path = path.partition("?")[0].partition("#")[0]
    return plain(unquote(path))


def _same(path: str) -> str:
    return path


def _stem(path: str) -> str:
    before, dot, suffix = path.rpartition(".")
    return before if dot and "/" not in suffix else path


_SCHEME = re.compile(r"(file|https?|s3|gs):/+", re.IGNORECASE)
_OF_ADDRESSES = re.compile(r"%[0-9A-Fa-f]{2}|^\w+:/")
_SPELLINGS = (
    _Spelling("", _same, _same),
    _Spelling("read as addresses (%20 is a space)", _from_url, _same, _OF_ADDRESSES),
    _Spelling("whatever their capitals", str.casefold, str.casefold),
    _Spelling("whatever their suffix", _stem, _stem),
)


def _ways(folder: str, root: Path | None) -> Iterator[_Way]:
    place = f"{folder}/" if folder else ""
    yield _Way("", lambda row: f"{place}{row}", _same, guessed=False)
    yield _Way("", _same, _same, guessed=False)
    if root is not None:
        start = plain(os.path.realpath(root)) + "/"
        inside = _without_start(start)
        yield _Way("by where the source lies on disk", inside, _same)
    yield _Way("by adding the suffix", lambda row: f"{place}{row}", _stem)
    for count in range(1, _MOST_FOLDERS_OFF + 1):
        words = f"without their first {'folder' if count == 1 else f'{count} folders'}"
        yield _Way(words, _without_folders(count), _same)
        yield _Way(f"{words}, by adding the suffix", _without_folders(count), _stem)
    for count in range(_MOST_PARTS, 0, -1):
        words = "by their names alone" if count == 1 else f"by their last {count} parts"
        yield _Way(words, _last(count), _last(count))
        yield _Way(f"{words}, by adding the suffix", _last(count), _stem_of(_last(count)))


def _matched(rows: Sequence[str], files: Sequence[tuple[str, frozenset[str]]], way: _Way) -> dict[str, str]:
    """By file, the row that alone means it and nothing else."""
    by_key: dict[str, str | None] = {}
    for path, names in files:
        for name in names:
            key = way.file(name)
            if key is not None:
                # What two files are called names neither.
                by_key[key] = path if by_key.get(key, path) == path else None
    found: dict[str, str] = {}
    for row in rows:
        key = way.row(row)
        file = by_key.get(key) if key is not None else None
        if file is not None:
            found[file] = row
    return found


def _without_start(start: str) -> Callable[[str], str | None]:
    return lambda path: path.removeprefix(start) if path.startswith(start) else None


def _without_folders(count: int) -> Callable[[str], str | None]:
    def shortened(path: str) -> str | None:
        parts = path.strip("/").split("/")
        return "/".join(parts[count:]) or None

    return shortened


def _last(count: int) -> Callable[[str], str | None]:
    def end(path: str) -> str | None:
        parts = path.strip("/").split("/")
        return "/".join(parts[-count:]) if len(parts) >= count else None

    return end


def _stem_of(shortened: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def stem(path: str) -> str | None:
        end = shortened(path)
        return None if end is None else _stem(end)

    return stem


def names_by_cells(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str | None:
    """The column that names files by what it holds, whatever it is called.

    It is the only column most of whose cells end like media (``0001.png``), else the only one that is called an
    identifier in some way (``id_code``, ``isic_id``) and holds another word in every row.
    """
    cells = {column: [cell for row in records if (cell := row.get(column)) not in (None, "")] for column in columns}
    ending = [column for column, own in cells.items() if own and _like_files(own) > _ENOUGH * len(own)]
    if ending:
        return ending[0] if len(ending) == 1 else None
    called = [column for column in columns if _IDENTIFIER.search(column) and _are_names(cells[column], len(records))]
    return called[0] if len(called) == 1 else None


def _like_files(cells: Sequence[Any]) -> int:
    return sum(isinstance(cell, str) and content_of(plain(cell)) in MEDIA for cell in cells)


def _are_names(cells: Sequence[Any], rows: int) -> bool:
    """Whether these cells of so many rows are words, or whole numbers, that differ."""
    return len(cells) == rows > 1 and len(set(map(str, cells))) == rows and not any(map(_is_fraction, cells))


def _is_fraction(cell: Any) -> bool:
    return not isinstance(cell, (str, int)) or (isinstance(cell, str) and bool(_FRACTION.fullmatch(cell)))
