"""The formats that drawn pictures and clips are written in, by the words people ask for them with."""

from __future__ import annotations

from typing import Literal, get_args

from diorama.core.errors import BadConfig
from diorama.core.suggestions import did_you_mean

PictureFormat = Literal["png", "jpeg", "webp"]
"""``jpeg`` is of quality 95 with full chroma, ``webp`` lossless."""

VideoFormat = Literal["mp4", "webm", "gif", "frames"]
"""``frames`` is a numbered folder of pictures for each clip."""

SampleFormat = Literal["png", "jpeg", "webp", "mp4", "webm", "gif", "frames"]
"""A format of either kind."""

PICTURE_FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)
VIDEO_FORMATS: tuple[VideoFormat, ...] = get_args(VideoFormat)

PICTURE_SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
VIDEO_SUFFIXES = {".mp4": "mp4", ".webm": "webm", ".gif": "gif"}
"""By suffix, the format of files that hold one picture, or one clip."""


def format_named(word: str) -> SampleFormat:
    """The format that a word asks for.

    Raises:
        BadConfig: there is none; the nearest is named.
    """
    known: tuple[SampleFormat, ...] = (*PICTURE_FORMATS, *VIDEO_FORMATS)
    asked = {"jpg": "jpeg"}.get(word.lower().removeprefix("."), word.lower().removeprefix("."))
    for name in known:
        if name == asked:
            return name
    raise BadConfig(
        f"there is no format {word!r}{did_you_mean(asked, known)}; pictures are written as "
        f"{', '.join(PICTURE_FORMATS)}, clips as {', '.join(VIDEO_FORMATS)}"
    )
