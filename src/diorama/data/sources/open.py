"""From a path to the source that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.archives import is_tar, is_zip, open_archive
from diorama.data.sources.base import Skip, Source, SourceOptions, most_frequent
from diorama.data.sources.entries import Entry
from diorama.data.sources.folder import FolderContainer, read_loose
from diorama.data.sources.names import content_of, printable
from diorama.data.sources.tree import TreeSource
from diorama.media.kinds import HEAD_BYTES, foreign_kind, kind_by_content

DEFAULT_OPTIONS = SourceOptions()


class SingleFile:
    """One loose file as a container.

    Args:
        file: a picture, clip or array.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def entries(self) -> Iterator[Entry | Skip]:
        """That file."""
        name = printable(self._file.name)
        yield Entry(name, self._file.stat().st_size, lambda size: read_loose(self._file, size, name), file=self._file)

    def notes(self) -> Iterator[str]:
        """Nothing."""
        yield from ()


def open_source(path: str | Path, options: SourceOptions = DEFAULT_OPTIONS) -> Source:
    """The source at a path. Nothing is read but the table that the options name.

    Args:
        path: a folder of any depth, a zip or tar, or a single picture, video, NumPy, Parquet, DICOM or NIfTI file.
        options: how it is read.

    Raises:
        BadInput: missing, unreadable, or of no known kind; the table of the options is broken.
    """
    path = Path(path)
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder")
    name = printable(path.name or str(path))
    if path.is_dir():
        return TreeSource(name, FolderContainer(path, follow_links=options.follow_links), options, path)
    if not path.is_file():
        raise BadInput(f"{path}: neither a file nor a folder")
    content, foreign, head = content_of(path.name), None, b""
    if content == "other":
        head = read_loose(path, HEAD_BYTES, name)
        content, foreign = kind_by_content(head) or "other", foreign_kind(head)
    if content == "archive" or (content == "other" and (is_zip(head) or is_tar(head))):
        return TreeSource(name, open_archive(path), options)
    if content in ("other", "table"):
        raise BadInput(
            f"{path}: {foreign or 'not a folder, archive, picture, video, NumPy, Parquet, DICOM or NIfTI file'}"
        )
    return TreeSource(name, SingleFile(path), options, path.parent)


def nothing_in(source: Source) -> BadInput:
    """What to raise when an exhausted source has given no usable record: how many files there were, and what
    is wrong with them.
    """
    if source.files == 0:
        return BadInput(f"{source.name}: empty; it needs pictures, clips or arrays")
    why = most_frequent(source.skipped) or "nothing decodes"
    return BadInput(f"{source.name}: none of its {source.files} files can be used ({why})")
