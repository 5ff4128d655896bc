"""What ``diorama prepare`` is asked for, and what it says on its way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from diorama.core.contracts import MediaSpec
from diorama.data.audit import Audit
from diorama.data.partner_fit import Half
from diorama.data.scales import Values
from diorama.data.sources.base import Source
from diorama.media.array import check_axes
from diorama.media.resize import Fit

Stage = Literal["reading", "unifying", "comparing", "done"]


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """What to make of the sources.

    Args:
        size: side of the square pictures in pixels; ``None`` keeps sizes (mixed ones become the commonest).
        fit: how other shapes become square: ``crop`` to the middle, or ``pad`` with zeros.
        frames: length of clips; ``None`` keeps clips that are all alike and no longer than 64 frames whole, and
            cuts others to 16. Clips are cut end to end; what is left over is dropped.
        fps: frames a second of the clock that all clips are sampled on; ``None`` for each file's mean rate.
        split: shares of train, val and test, or ``None`` for the source's own splits, and .8, .1, .1 where it has
            none. With own splits, shares cut the missing ones from train.
        group: column of the table whose equal values stay on one side.
        table: CSV or JSON-lines file with a column ``path``, and ``label``, ``split``, ``caption`` …
        label: column of the table that holds labels; by default ``label``, or the only one called like it.
        caption: column of the table that holds captions; by default ``caption``, or the only one called like it.
        test: further sources, all for testing.
        strip: pictures are film strips; ``None`` finds out.
        follow_links: links are followed wherever they lead.
        axes: what each axis of an array is, letters of ``nthwc`` (records, frames, height, width, channels) in its
            order; ``None`` guesses, and says how.
        name: of the data set; the folder's name by default.
        licence: of the data, if known; kept with them.
        source: where they are from, if known; kept with them.
        workers: decoding threads; ``None`` for one per core, and for none where files are tiny.
        processes: worker processes (by spawn) rather than threads.
        clips_per_file: clips cut from one file, at most.
        values: ``check`` refuses values of several scales, ``keep`` takes them as they stand.
        whole: all records as they are, in one split ``train``, for those who measure: pictures of several sizes and
            clips of several lengths are refused rather than made alike, and clips keep all their frames, one by one,
            on no clock. ``frames``, ``fps`` and ``split`` are not looked at.
        caption_bytes: bytes of a caption, at most; longer ones are cut between two characters. A batch has room for
            the longest caption in every record.
        small: side in pixels of small pictures, which are the records then; the whole ones stand beside them as the
            side ``target``, for models that learn to enlarge. ``None`` for whole pictures alone.
        pair: where the partner of every picture is, which stands beside it as the side ``target``: a column of a table
            that names its file, a folder in which it has the picture's name, or ``left`` or ``right``, the half of
            every picture that it is. ``None`` for pictures without partners.
        unpaired: a second source, prepared beside the first as its side ``target``: any picture of it is a partner of
            any of the first. A path, else a label of the first source, whose records then are the second set alone.
    """

    size: int | None = 64
    fit: Fit = "crop"
    frames: int | None = None
    fps: float | None = None
    split: tuple[float, float, float] | None = None
    group: str | None = None
    table: Path | None = None
    label: str | None = None
    caption: str | None = None
    test: tuple[Path | str | Source, ...] = ()
    strip: bool | None = None
    follow_links: bool = False
    axes: str | None = None
    name: str = ""
    licence: str = ""
    source: str = ""
    workers: int | None = None
    processes: bool = False
    clips_per_file: int = 1_000
    values: Values = "check"
    whole: bool = False
    caption_bytes: int = 512
    small: int | None = None
    pair: str | None = None
    unpaired: Path | str | None = None

    @property
    def half(self) -> Half | None:
        """The half of every picture that is the partner of the other one."""
        return cast(Half, self.pair) if self.pair in ("left", "right") else None

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ValueError(f"size must be at least 1 pixel, got {self.size}")
        if self.small is not None and not 1 <= self.small < (self.size or math.inf):
            below = "" if self.size is None else f" and less than the size, {self.size}"
            raise ValueError(f"small must be at least 1 pixel{below}, got {self.small}")
        if self.small is not None and self.frames is not None:
            raise ValueError("small is of pictures, and frames asks for clips; leave one of them out")
        given = [name for name in ("small", "pair", "unpaired") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: each says what stands beside the pictures")
        if self.pair is not None and (not self.pair.strip("/") or self.frames or self.fps or self.strip):
            raise ValueError("pair names a column, a folder, left or right, and is of pictures, not of clips")
        if self.frames is not None and self.frames < 1:
            raise ValueError(f"frames must be at least 1, got {self.frames}")
        if self.fps is not None and not 0 < self.fps <= 1_000:
            raise ValueError(f"fps must be in (0, 1000], got {self.fps}")
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"workers must not be negative, got {self.workers}")
        if self.axes is not None:
            check_axes(self.axes)
        if self.caption_bytes < 1:
            raise ValueError(f"caption_bytes must be at least 1, got {self.caption_bytes}")
        if self.split is not None and (min(self.split) < 0 or self.split[0] <= 0):
            raise ValueError(f"split takes shares of train, val and test, the first above 0, got {self.split}")


@dataclass(frozen=True, kw_only=True)
class PrepareProgress:
    """How far preparation is.

    Args:
        stage: what is being done.
        items: items read so far.
        kept: items kept so far.
        skipped: items skipped so far.
        audit: what was found, at the end.
        media: what the records are, at the end.
        partners: what stands beside them as the side ``target``, in words, at the end; empty for nothing.
    """

    stage: Stage
    items: int
    kept: int
    skipped: int
    audit: Audit | None = None
    media: MediaSpec | None = None
    partners: str = ""
