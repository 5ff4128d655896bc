"""A sheet: one picture, or one clip, of the first of many samples, marked as synthetic as they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput, WrongValue
from diorama.core.suggestions import did_you_mean
from diorama.data.sources.sidecars import SAMPLES as LIST
from diorama.media.convert import displayable, to_float
from diorama.media.formats import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from diorama.media.grid import about_square, enlarged, grid, strips
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp, read_stamp
from diorama.media.video import UNKNOWN_FPS, write_video

STRIP_FRAMES = 16
"""Of a clip that is shown as a row of its frames, at most."""

_PICTURES, _CLIPS = 64, 16
_STILL_PIXELS, _MOVING_PIXELS = 1 << 25, 1 << 21
"""Of a whole sheet, and of every frame of one that plays."""
_WIDEST_TURN = 16
"""Classes in turn that get a column each, at most."""


def check_sheet(path: Path, out: Path) -> None:
    """See that a sheet can be written somewhere, before anything is drawn.

    Args:
        path: of the sheet.
        out: the folder of the samples.

    Raises:
        BadInput: see :func:`check_shown`.
    """
    check_shown(path, (*PICTURE_SUFFIXES, *VIDEO_SUFFIXES), out=out)


def check_shown(path: Path, suffixes: Sequence[str], what: str = "grid", *, out: Path | None = None) -> None:
    """See that a file that shows several samples can be written, before anything is drawn.

    Args:
        path: of the file.
        suffixes: that it may have.
        what: it is, in the words of messages.
        out: the folder of the samples, if they are written too.

    Raises:
        BadInput: the path has none of these suffixes, lies in a folder of samples, belongs to a file that Diorama did
            not draw or that is a sample, or cannot be written.
    """
    own = path.resolve()
    if path.suffix.lower() not in suffixes:
        near = did_you_mean(path.suffix.lower(), suffixes) if path.suffix else ""
        raise BadInput(f"{path}: is no name for a {what}{near}; it ends in one of {', '.join(suffixes)}")
    folder = None if out is None else out.resolve()
    if folder is not None and (folder == own or folder in own.parents):
        raise BadInput(
            f"{path}: lies in {out}, which holds the numbered samples and {LIST} alone; choose a place outside"
        )
    if path.is_dir() or (folder is not None and own in folder.parents):
        raise BadInput(f"{path}: is a folder; a {what} is a file")
    if (path.parent / LIST).exists():
        raise BadInput(f"{path}: lies in a folder of samples; choose a place outside")
    if path.exists():
        stamp = read_stamp(path)
        if stamp is None or stamp.index is not None:
            raise BadInput(f"{path}: is there already, and is no {what} that Diorama drew; choose another name")
    above = next(parent for parent in own.parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise BadInput(f"{path}: cannot be written ({above} is no folder that may be written to)")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a sheet shows.

    Args:
        path: its suffix says what it is: a picture; a clip in which all clips play side by side; or, where a model of
            clips is asked for a picture, a row of frames for each clip.
        media: what the samples are.
        count: samples that are drawn.
        turns: how many different conditions they are given in turn; 0 where they are given none.
    """

    path: Path
    media: MediaSpec
    count: int
    turns: int = 0

    def __post_init__(self) -> None:
        if self.media.kind == "image" and self.plays:
            raise WrongValue(
                f"{self.path}: this model draws pictures, whose grid is one of {', '.join(PICTURE_SUFFIXES)}"
            )

    @property
    def plays(self) -> bool:
        """Whether it is a clip."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES

    @property
    def shown(self) -> int:
        """How many of the samples it shows: the first."""
        media = self.media
        pixels = media.height * media.width
        if media.frames is not None and not self.plays:
            pixels *= min(STRIP_FRAMES, media.frames)
        room = (_MOVING_PIXELS if self.plays else _STILL_PIXELS) // pixels
        return min(self.count, _PICTURES if media.kind == "image" else _CLIPS, max(1, room))

    @property
    def columns(self) -> int:
        """Samples a row: as many as make the whole about square, or whole turns of what they are given, so that every
        column shows one class."""
        square = about_square(self.shown, self.media.height, self.media.width)
        if 1 < self.turns <= min(_WIDEST_TURN, self.shown):
            return self.turns * max(1, round(square / self.turns))
        return square

    def in_words(self, shown: int) -> str:
        """What has been written, for people.

        Args:
            shown: samples on it: fewer than it could show where drawing was stopped.
        """
        which = f"the first {shown:,} of {self.count:,} samples" if shown < self.count else f"all {shown:,} samples"
        which = "the sample" if self.count == 1 else which
        frames, channels = self.media.frames or 0, self.media.channels
        if channels not in (1, 3):
            which += f", the first {'three' if channels > 3 else 'one'} of {channels} channels"
        if frames > STRIP_FRAMES and not self.plays:
            which += f", {STRIP_FRAMES} of the {frames} frames of each"
        return f"{self.path} shows {which}"

    def write(self, pixels: Sequence[np.ndarray], stamp: SyntheticStamp) -> None:
        """Write it; folders above it are made.

        Args:
            pixels: the samples in their order, (h, w, c) or (t, h, w, c) of the media's type.
            stamp: of all of them; it has no index.

        Raises:
            BadInput: it cannot be written.
        """
        shown = displayable(to_float(np.stack(pixels), self.media))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.plays:
                laid = grid(shown, self.columns) if shown.ndim == 4 else strips(shown, STRIP_FRAMES)
                write_image(self.path, laid, stamp)
                return
            frames = grid(shown, self.columns)  # (t, H, W, 3)
            write_video(self.path, enlarged(frames), self.media.fps or UNKNOWN_FPS, stamp)
        except OSError as problem:
            raise BadInput(f"{self.path}: cannot be written ({problem.strerror or problem})") from problem
        except ValueError as problem:
            raise BadInput(f"{self.path}: cannot be written in this format ({problem}); try .png") from problem
