"""One record with all that is known of it, and what the records of a set are in words."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

from numpy.typing import NDArray

from diorama.core.contracts import DataInfo
from diorama.core.numbers import counted
from diorama.core.suggestions import in_a_line


@dataclass(frozen=True, kw_only=True, repr=False)
class Record:
    """One record with all that is known of it.

    Args:
        pixels: (h, w, c) or (t, h, w, c) in stored units.
        split: that it belongs to.
        index: its place there.
        label: its class; ``None`` where it has none.
        captions: its texts; empty where it has none.
        facts: ``path``, where it came from inside its source, and what the source's table says.
    """

    pixels: NDArray[Any]
    split: str
    index: int
    label: str | None = None
    captions: tuple[str, ...] = ()
    facts: Mapping[str, Any]

    @property
    def caption(self) -> str | None:
        """The first of its captions."""
        return self.captions[0] if self.captions else None

    @property
    def path(self) -> str:
        """Where it came from, inside its source."""
        return str(self.facts["path"])

    def __repr__(self) -> str:
        """One line: the pixels are told by their shape."""
        said = [f"{self.split}[{self.index}]", self.path, f"{self.pixels.shape} {self.pixels.dtype}"]
        said += [f"{name}={value!r}" for name in ("label", "caption") if (value := getattr(self, name)) is not None]
        return f"Record({', '.join(said)})"


def place_of(index: SupportsIndex, count: int, what: str) -> int:
    """An index into so many records, which may count from the end, as one in [0, count).

    Raises:
        IndexError: there is no such record.
    """
    place = operator.index(index)
    if not -count <= place < count:
        raise IndexError(f"{what} has {count:,} records, and none of number {place}")
    return place % count


def in_words(info: DataInfo, count: int) -> str:
    """What so many records are and have, for one line: media, classes, sides."""
    words = info.media.in_words(count)
    if info.classes:
        words += f"; {counted(len(info.classes), 'class', 'classes')}: {in_a_line(info.classes)}"
    if info.sides:
        words += f"; with {', '.join('captions' if side.kind == 'text' else side.key for side in info.sides)}"
    return words
