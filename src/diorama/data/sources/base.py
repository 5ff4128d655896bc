"""The one protocol behind which every format is a small file: an iterator of records with their sidecar facts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.objects import Objects
from diorama.media.limits import Limits
from diorama.media.volume import Window

Kind = Literal["image", "video", "array"]
_REASONS_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the user says of a table's columns.

    Args:
        label: column of the labels; ``None`` for ``label``, else the only one that is called like one.
        caption: column of the captions; ``None`` for ``caption``, else the only one that is called like one.
    """

    label: str | None = None
    caption: str | None = None


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How a source is read.

    Args:
        strip: every picture is a film strip, one clip; ``None`` finds out by the sizes of all of them.
        clips: the records wanted are clips: pictures of one folder are the frames of one clip, animated pictures
            and page stacks are clips. ``None`` takes what there are more of, still pictures or clips.
        table: a CSV or JSON-lines file with a column ``path`` and facts in the others.
        group: the table's column that keeps records on one side of a split.
        columns: which of a table's columns are labels and captions.
        follow_links: links are followed wherever they lead.
        axes: what each axis of an array is, letters of ``nthwc``; ``None`` guesses.
        pair: where the partners of pictures are: a table's column that names their files, or a folder where they
            have the names of their pictures; ``None`` for pictures without partners.
        limits: what one file may cost.
    """

    strip: bool | None = None
    clips: bool | None = None
    table: Path | None = None
    group: str | None = None
    columns: Columns = field(default_factory=Columns)
    follow_links: bool = False
    axes: str | None = None
    pair: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Skip:
    """A file that gives no record, and why.

    Args:
        path: place inside the source, posix.
        reason: for people.
    """

    path: str
    reason: str

    @classmethod
    def because(cls, path: str, problem: BadInput) -> Skip:
        """The Skip that a refusal of this path comes down to."""
        return cls(path, str(problem).removeprefix(f"{path}: "))


def most_frequent(skipped: Sequence[Skip]) -> str:
    """The most frequent reasons in one line, each with the first path that it holds for; empty where there are none."""
    counts = Counter(skip.reason for skip in skipped)
    first = {skip.reason: skip.path for skip in reversed(skipped)}
    return "; ".join(
        f"{first[reason]}: {reason}" if count == 1 else f"{count} like {first[reason]}: {reason}"
        for reason, count in counts.most_common(_REASONS_SHOWN)
    )


@dataclass(frozen=True)
class Scan:
    """What the header of a medical file says of a record.

    Args:
        group: equal for all records of one patient. It may name a person: it stays in memory and is never written.
        window: the values between which it is to be shown; ``None`` where none is stated.
    """

    group: str
    window: Window | None = None


@dataclass(frozen=True)
class Item:
    """One record before it is decoded.

    Args:
        path: place inside the source, posix, valid Unicode, unique among the source's items.
        facts: what is known beside the pixels: ``label``, ``split`` (train, val or test), ``caption`` and the
            table's other columns, all text; a fact that is not known is absent.
        kind: what ``load`` gives.
        load: gives the content; raises :class:`~diorama.core.errors.BadInput` when it cannot be read.
            ``image``: the file's bytes, for :func:`diorama.media.image.read_image`.
            ``video``: bytes or a path, for :func:`diorama.media.video.read_video`, or the frames (t, h, w, c).
            ``array``: pixels (h, w, c), or frames (t, h, w, c).
        captions: all of them where there are several; one alone is among the facts.
        notes: how it was read, a few words each.
        objects: boxes and masks in it.
        scan: what the header of a medical file says of it; ``None`` for other files.
        partner: the picture that is its partner; ``None`` for none.
    """

    path: str
    facts: Mapping[str, str]
    kind: Kind
    load: Callable[[], bytes | Path | np.ndarray]
    captions: Sequence[str] = ()
    notes: Sequence[str] = ()
    objects: Objects | None = None
    scan: Scan | None = None
    partner: Item | None = None

    def all_captions(self) -> Sequence[str]:
        """Every caption, the first one first."""
        one = self.facts.get("caption")
        return self.captions or ((one,) if one else ())

    def in_unicode(self) -> Item:
        """The item with halves of characters written as escapes: JSON may hold one alone, and UTF-8 none."""
        regions = () if self.objects is None else self.objects.regions
        texts = (*self.facts, *self.facts.values(), *self.captions, *(region.category for region in regions))
        try:
            "".join(texts).encode()
        except UnicodeEncodeError:
            return replace(
                self,
                facts={_escaped(name): _escaped(fact) for name, fact in self.facts.items()},
                captions=tuple(map(_escaped, self.captions)),
                objects=self.objects
                and replace(
                    self.objects, regions=tuple(replace(one, category=_escaped(one.category)) for one in regions)
                ),
            )
        return self


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


class Source(Protocol):
    """Records of one folder, archive, array file or renderer, in a fixed order.

    ``skipped``, ``notes`` and ``files`` are complete once ``items`` has been exhausted; ``items`` may be called
    again and then starts anew.
    """

    @property
    def name(self) -> str:
        """What messages call the source."""
        ...

    @property
    def files(self) -> int:
        """Files and archive entries seen, readable or not."""
        ...

    @property
    def rows_used(self) -> int:
        """Rows of tables that meant a file."""
        ...

    @property
    def skipped(self) -> Sequence[Skip]:
        """What gives no record, with the reason; rows of a table whose file is not there are among it."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What was decided on the user's behalf, a sentence each."""
        ...

    def items(self) -> Iterator[Item]:
        """The records. An archive's are yielded in its own order, with one in memory at a time."""
        ...


class Chosen(ABC):
    """Some of the records of another source, which says everything else.

    Args:
        source: of all.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def name(self) -> str:
        """The source's."""
        return self._source.name

    @property
    def files(self) -> int:
        """The source's: those of records that are left out as well."""
        return self._source.files

    @property
    def rows_used(self) -> int:
        """The source's."""
        return self._source.rows_used

    @property
    def skipped(self) -> Sequence[Skip]:
        """The source's."""
        return self._source.skipped

    @property
    def notes(self) -> Sequence[str]:
        """The source's, and which records these are."""
        return (*self._source.notes, *self.words())

    @abstractmethod
    def words(self) -> Iterable[str]:
        """Which records these are, a sentence each."""

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """The records."""
