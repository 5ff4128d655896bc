"""Folders of any depth, with archives in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.archives import open_archive
from diorama.data.sources.base import Skip
from diorama.data.sources.entries import Entry
from diorama.data.sources.layout import split_named
from diorama.data.sources.names import MEDIA, content_of, is_hidden, printable, stem


class FolderContainer:
    """A folder: files before subfolders, each sorted by name.

    Archives are read in place. Pictures beside archives are taken for contact sheets and left out, unless there are
    more of them than the archives hold. Links are followed to files inside the folder only, unless asked.

    Args:
        root: the folder.
        follow_links: links are followed wherever they lead, to folders too.
    """

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        self._root, self._follow = Path(os.path.realpath(root)), follow_links
        self._notes: dict[str, None] = {}
        self._first: dict[tuple[int, int], str] = {}

    def entries(self) -> Iterator[Entry | Skip]:
        """All files; an unreadable subfolder or broken archive is a Skip."""
        yield from self._walk(self._root, "", frozenset())

    def notes(self) -> Iterator[str]:
        """What was odd about the archives in it."""
        yield from self._notes

    def _walk(self, folder: Path, prefix: str, above: frozenset[str]) -> Iterator[Entry | Skip]:
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as problem:
            yield Skip(prefix.rstrip("/") or ".", f"folder cannot be read ({problem.strerror})")
            return
        above |= {os.path.realpath(folder)}
        subfolders: list[os.DirEntry[str]] = []
        names: list[os.DirEntry[str]] = []
        for entry in found:
            (subfolders if self._is_folder(entry, above) else names).append(entry)
        files = (self._file(entry, prefix) for entry in names)
        if any(content_of(entry.name) == "archive" for entry in names):
            yield from self._with_archives(list(files), prefix)
        else:
            yield from files
        for entry in subfolders:
            yield from self._walk(Path(entry.path), f"{prefix}{printable(entry.name)}/", above)

    def _is_folder(self, entry: os.DirEntry[str], above: frozenset[str]) -> bool:
        """Whether it is walked into: a link to a folder that it lies in would lead on without end."""
        if not entry.is_symlink():
            return entry.is_dir()
        return self._follow and entry.is_dir() and os.path.realpath(entry.path) not in above

    def _file(self, entry: os.DirEntry[str], prefix: str) -> Entry | Skip:
        path = prefix + printable(entry.name)
        try:
            same_as = ""
            if entry.is_symlink():
                # Data that others have packed must not reach into the rest of the disk.
                target = Path(os.path.realpath(entry.path))
                if not self._follow and not target.is_relative_to(self._root):
                    return Skip(path, "a link that leads out of the source; --follow-links reads it")
                if target.is_dir():
                    return Skip(path, "a link to a folder; it is read where it lies")
                if target.is_relative_to(self._root):
                    same_as = printable(target.relative_to(self._root).as_posix())
            status = entry.stat()
        except OSError as problem:
            return Skip(path, f"cannot be read ({problem.strerror})")
        if not stat.S_ISREG(status.st_mode):
            return Skip(path, "not a regular file")
        if status.st_nlink > 1 and not same_as:
            first = self._first.setdefault((status.st_dev, status.st_ino), path)
            same_as = first if first != path else ""
        file = Path(entry.path)
        return Entry(path, status.st_size, lambda size: read_loose(file, size, path), file=file, same_as=same_as)

    def _with_archives(self, files: Sequence[Entry | Skip], prefix: str) -> Iterator[Entry | Skip]:
        archives = [f for f in files if isinstance(f, Entry) and content_of(f.path) == "archive"]
        held, used = 0, set[str]()
        for archive in archives:
            for entry in self._archive(archive, prefix, several=len(archives) > 1):
                if isinstance(entry, Entry):
                    held += content_of(entry.path) in MEDIA
                    if entry.path in used:
                        entry = replace(entry, path=f"{archive.path}/{entry.inner}")
                    used.add(entry.path)
                yield entry
        loose = [f for f in files if isinstance(f, Skip) or content_of(f.path) != "archive"]
        # Beside archives a few pictures show what is in them; more than the archives hold are the data themselves.
        media = [f for f in loose if isinstance(f, Entry) and content_of(f.path) in MEDIA and not is_hidden(f.path)]
        sheets = set() if len(media) > held else {f.path for f in media}
        for file in loose:
            yield Skip(file.path, "lies beside archives, taken for a contact sheet") if file.path in sheets else file

    def _archive(self, archive: Entry, prefix: str, several: bool) -> Iterator[Entry | Skip]:
        assert archive.file is not None
        opened = open_archive(archive.file)
        try:
            for entry in opened.entries():
                if isinstance(entry, Skip):
                    yield Skip(f"{archive.path}/{entry.path}", entry.reason)
                else:
                    same_as = prefix + _place(entry.same_as, archive.path, several) if entry.same_as else ""
                    path = prefix + _place(entry.path, archive.path, several)
                    yield replace(entry, path=path, inner=entry.path, same_as=same_as)
        except BadInput as problem:
            yield Skip.because(archive.path, problem)
        self._notes |= dict.fromkeys(opened.notes())


def _place(path: str, archive: str, several: bool) -> str:
    """Where an archive's entry stands in the folder: an archive may be a split's or, among others, a class's."""
    name = stem(archive)
    top = path.partition("/")[0] if "/" in path else ""
    if split_named(name):
        return path if split_named(top) else f"{name}/{path}"
    return f"{name}/{path}" if several and not top else path


def read_loose(file: Path, size: int, name: str) -> bytes:
    """The beginning of a file on disk, at most so many bytes; raises BadInput where it cannot be read."""
    try:
        with file.open("rb") as handle:
            return handle.read(size)
    except OSError as problem:
        raise BadInput(f"{name}: cannot be read ({problem.strerror})") from problem
