"""Files that tell of others beside them: one a record (``0001.cls``, ``0001.txt``, ``0001.json``), or lists for all.

The first are those of WebDataset's shards and of folders of captions; lists are ``dataset.json`` of StyleGAN's data
sets and ``samples.json`` of a folder that Diorama drew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from diorama.core.errors import BadInput
from diorama.data.sources.entries import Entry
from diorama.data.sources.label_values import one_label
from diorama.data.sources.matching import Matching, plain
from diorama.data.sources.names import parent, printable
from diorama.data.sources.tables import Table
from diorama.media.limits import Limits

SAMPLES = "samples.json"
"""What a folder that Diorama drew says of its files."""

LISTS = ("dataset.json", SAMPLES)
_BESIDE = {".cls": "label", ".cls.txt": "label", ".txt": "caption", ".caption": "caption", ".json": ""}
_NUMBERED = re.compile(r"\d{5}")
_MOST_BYTES = 65_536
_WORDS = {
    "label": ("label", "class", "cls", "category"),
    "caption": ("caption", "text", "prompt"),
}


def read_list(entry: Entry, limits: Limits) -> Table | None:
    """The table in ``dataset.json`` or ``samples.json``; ``None`` where the file is something else.

    It has no rows where StyleGAN's list says that there are no labels.

    Raises:
        BadInput: it is one of them, and broken.
    """
    try:
        document = json.loads(entry.content(limits))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    if document.get("labels", ()) is None:
        return Table(entry.path, [], {}, folder=parent(entry.path))
    rows = dict(_labels_of(document) if "labels" in document else _samples_of(document))
    if not rows:
        return None
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    given = dict(pair for pair in _pairs(document) if pair[1] is not None)
    untold = sum("label" not in rows.get(printable(plain(path)), {}) for path in given)
    notes = [f"{untold} labels of {entry.path} are no class but several values and were left out"] if untold else []
    return Table(entry.path, columns, rows, notes=notes, folder=parent(entry.path))


def without_numbers(folder: str, unlabelled: Collection[str]) -> str:
    """The folder whose records those of a folder are: StyleGAN's numbered ones, of so many pictures each, name no class
    where the list around them, in one of ``unlabelled``, has no labels."""
    around, _, name = folder.rpartition("/")
    return around if around in unlabelled and _NUMBERED.fullmatch(name) else folder


def _labels_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """StyleGAN: pairs of a path and a label, which may be a number, a one-hot row or null; where ``classes`` names the
    numbers, as our own zips do, they have those names."""
    names = document.get("classes")
    names = names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
    pairs = list(_pairs(document))
    # A row that is no ones and zeros says that all rows are numbers, and those that happen to look one-hot too.
    lists = [value for _, value in pairs if isinstance(value, list) and len(value) > 1]
    measured = any(cell not in (0, 1) for value in lists for cell in value)
    for path, value in pairs:
        label = None if measured and isinstance(value, list) else _label(value)
        if label is not None and label.isascii() and label.isdecimal() and int(label) < len(names):
            label = names[int(label)]
        yield printable(plain(path)), {} if label is None else {"label": label}


def _pairs(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    labels = document.get("labels")
    pairs = labels.items() if isinstance(labels, dict) else labels if isinstance(labels, list) else ()
    for pair in pairs:
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str):
            yield pair[0], pair[1]


def _label(value: Any) -> str | None:
    if isinstance(value, list):
        one_hot = value.count(1) == 1 and value.count(0) == len(value) - 1
        return str(value.index(1)) if one_hot else None
    value = one_label(value)
    return None if value is None else str(value)


def _samples_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    samples = document.get("samples")
    for row in samples if isinstance(samples, list) else ():
        given = row.get("condition") if isinstance(row, dict) else None
        if isinstance(given, dict) and isinstance(row.get("file"), str):
            words = {"caption" if key == "text" else key: str(value) for key, value in given.items()}
            yield printable(plain(row["file"])), words


class Sidecars:
    """Gathers the files that may tell of a record each, while a container passes by."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, tuple[str, bytes]]] = {}

    def add(self, entry: Entry, limits: Limits) -> None:
        """Keep a file's content if its name ends like that of a sidecar, and it is small."""
        stem, ending = _split(entry.path)
        if ending is None or entry.size > _MOST_BYTES:
            return
        try:
            self._found.setdefault(stem, {})[ending] = (entry.path, entry.content(limits))
        except BadInput:
            return  # the reading that follows meets it again and says so

    def table(self, files: Sequence[tuple[str, str]]) -> tuple[Table | None, frozenset[str]]:
        """What they tell of records, and which of them do.

        Args:
            files: path of each record's file, and what its archive calls it.
        """
        rows: dict[str, Mapping[str, str]] = {}
        used: list[str] = []
        endings: dict[str, None] = {}
        for path, _ in files:
            # The whole name first: pictures may be called `0001.jpg` and their captions `0001.jpg.txt`.
            # Shards name a record by what stands before the first dot: `0001.input.png` beside `0001.json`.
            folder, slash, name = path.rpartition("/")
            for stem in dict.fromkeys((path, path.rpartition(".")[0], folder + slash + name.partition(".")[0])):
                facts: dict[str, str] = {}
                for ending, (place, content) in self._found.get(stem, {}).items():
                    told = _told(ending, content)
                    if told:
                        facts |= told
                        used.append(place)
                        endings[ending] = None
                if facts:
                    rows[path] = facts
                    break
        if not rows:
            return None, frozenset()
        name = f"{len(used):,} files beside the records ({', '.join(endings)})"
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        return Table(name, columns, rows, matching=Matching({path: path for path in rows})), frozenset(used)


def _split(path: str) -> tuple[str, str | None]:
    lowered = path.lower()
    ending = next((end for end in sorted(_BESIDE, key=len, reverse=True) if lowered.endswith(end)), None)
    return (path, None) if ending is None else (path[: len(path) - len(ending)], ending)


def _told(ending: str, content: bytes) -> dict[str, str]:
    """Facts in one sidecar; empty where it holds none."""
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return {}
    if _BESIDE[ending]:
        return {_BESIDE[ending]: text} if text else {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    facts = {key: str(value) for key, value in document.items() if isinstance(value, (str, int, float))}
    for fact, words in _WORDS.items():
        named = next((facts[word] for word in words if facts.get(word)), None)
        if named is not None:
            facts[fact] = named
    return facts
