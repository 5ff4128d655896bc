"""Files in a container, before anybody asks what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diorama.core.errors import BadInput
from diorama.data.sources.base import Skip
from diorama.media.limits import Limits


@dataclass(frozen=True)
class Entry:
    """A regular file in a folder or archive.

    Args:
        path: place inside the source, posix, valid Unicode.
        size: bytes, as declared.
        read: gives at most so many bytes from the beginning; raises BadInput. Entries of a stream can be read until
            the next one is asked for.
        inner: the path inside its own archive, where that differs from ``path``: what a table may call it.
        file: the file itself where it lies loose on disk.
        streamed: it must be read now or never.
        same_as: the path of the file whose content it is, where it is a link.
    """

    path: str
    size: int
    read: Callable[[int], bytes]
    inner: str = ""
    file: Path | None = None
    streamed: bool = False
    same_as: str = ""

    def content(self, limits: Limits, most: int | None = None) -> bytes:
        """The whole file.

        Args:
            limits: what it may cost.
            most: bytes that it may have, where these are not ``limits.entry_bytes``.

        Raises:
            BadInput: unreadable, larger than that, or larger than declared.
        """
        most = limits.entry_bytes if most is None else most
        if self.size > most:
            raise BadInput(f"{self.path}: {self.size} bytes are more than {most}")
        # Never ask for the limit itself: readers set aside as much memory as they are asked for.
        content = self.read(self.size + 1)
        if len(content) > self.size:
            raise BadInput(f"{self.path}: holds more than the {self.size} bytes that it declares")
        return content


class Container(Protocol):
    """A folder, zip or tar."""

    def entries(self) -> Iterator[Entry | Skip]:
        """Its files in a fixed order; may be called again.

        Raises:
            BadInput: the container itself is broken, from here on.
        """
        ...

    def notes(self) -> Iterator[str]:
        """What was odd about its files, once they have passed."""
        ...
