"""One sample as a file: in the units of its data, or in the format that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diorama.core.contracts import MediaSpec
from diorama.core.errors import WrongValue
from diorama.core.numbers import counted
from diorama.media.formats import PICTURE_FORMATS, VIDEO_FORMATS, SampleFormat
from diorama.media.image import suffix_for, write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import UNKNOWN_FPS, write_video

_SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_PLAIN, _DEEP_GREY = "8-bit grey or colour", "16-bit grey"


def check_format(media: MediaSpec, asked: SampleFormat | None) -> None:
    """See that what a model draws can be written in a format.

    Args:
        media: what it draws.
        asked: the format; ``None`` for what fits the data.

    Raises:
        WrongValue: the format is of the other kind, or cannot hold such values; the message says what works.
    """
    if asked is None:
        return
    if media.kind == "image" and asked not in PICTURE_FORMATS:
        raise WrongValue(f"format {asked}: this model draws pictures, which are written as {_either(PICTURE_FORMATS)}")
    if media.kind == "video" and asked not in VIDEO_FORMATS:
        raise WrongValue(
            f"format {asked}: this model draws clips, which are written as {_either(VIDEO_FORMATS)} "
            "(a folder of pictures for each)"
        )
    plain = suffix_for(media) == ".png"
    deep_grey = media.dtype == "uint16" and media.channels == 1
    if plain or asked == "frames" or (asked == "png" and deep_grey):
        return
    holds = f"{_PLAIN}, or {_DEEP_GREY}" if asked == "png" else _PLAIN
    works = f"they are written as {suffix_for(media)}" if media.kind == "image" else "each clip is written as one .npy"
    also = f"; frames writes a {suffix_for(media)} for each of them" if media.kind == "video" else ""
    also = "; png holds them too" if media.kind == "image" and deep_grey else also
    raise WrongValue(
        f"format {asked}: holds {holds}, and this model draws "
        f"{counted(media.channels, 'channel')} of {media.dtype}; without a format {works}{also}"
    )


def write_sample(
    stem: Path, pixels: np.ndarray, media: MediaSpec, stamp: SyntheticStamp, asked: SampleFormat | None = None
) -> str:
    """Write one sample, marked as synthetic.

    Args:
        stem: path without suffix.
        pixels: (h, w, c) or (t, h, w, c) of ``media.dtype``.
        media: what the sample is.
        stamp: the mark; NumPy files have no place for it.
        asked: a format that :func:`check_format` lets pass; ``None`` for PNG and MP4, or what holds the data without
            loss.

    Returns:
        The file's name, or the folder's for ``frames``.
    """
    lossless = suffix_for(media)
    if media.kind == "image":
        path = stem.with_suffix(lossless if asked is None else _SUFFIXES[asked])
        write_image(path, pixels, stamp)
    elif asked == "frames":
        path = stem
        path.mkdir()
        for number, frame in enumerate(pixels):
            write_image(path / f"{number:04d}{lossless}", frame, stamp)
    elif lossless != ".png":
        path = stem.with_suffix(".npy")
        write_image(path, pixels)
    else:
        path = stem.with_suffix(f".{asked or 'mp4'}")
        write_video(path, pixels, media.fps or UNKNOWN_FPS, stamp)
    return path.name


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
