"""Thumbnails of prepared records, for the audit's page."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diorama.core.contracts import MediaSpec
from diorama.data.beside import Beside
from diorama.data.pack import PackWriter
from diorama.data.record_list import RecordList
from diorama.media.resize import resize
from diorama.web.embed import picture

LARGEST, CLIP_FRAMES = 96, 4
"""Longest side of a picture's thumbnail in pixels, and frames that a clip is shown by."""

_FRAME_SIDE, _GAP = 64, 2


@dataclass(frozen=True)
class Shown:
    """What thumbnails are drawn from.

    Args:
        writer: sealed, holds the records.
        media: what they are.
        names: (n,) the path of every record.
        captions: (n,) what is written under the thumbnail of every record.
        splits: (n,) the split of every record.
        partner: gives the partner of a record, and ``partner_media`` says what it is; ``None`` for no partners.
    """

    writer: PackWriter
    media: MediaSpec
    names: Sequence[str]
    captions: Sequence[str]
    splits: Sequence[str]
    partner: Callable[[int], NDArray[Any]] | None = None
    partner_media: MediaSpec | None = None


def shown_of(
    writer: PackWriter, records: RecordList, splits: Sequence[str], media: MediaSpec, beside: Beside | None = None
) -> Shown:
    """What thumbnails of all records are drawn from; under each stands its label, or its file's name without any."""
    names = [entry.path for entry in records.entries]
    classes, labels = records.classes()
    captions = [
        classes[label] if classes else PurePosixPath(name).name for name, label in zip(names, labels, strict=True)
    ]
    shown = Shown(writer, media, names, captions, splits)
    partners = None if beside is None else beside.partners
    if beside is None or partners is None:
        return shown
    return replace(shown, partner=lambda number: partners.read(records.entries[number]), partner_media=beside.media)


def sheet(numbers: Sequence[int], shown: Shown, *, of_split: bool = False) -> str:
    """Thumbnails side by side, each with its caption below; its path shows when it is pointed at.

    Args:
        numbers: of the records.
        shown: what they are drawn from.
        of_split: the caption is the record's split.
    """
    shots = []
    width = 0
    for number in numbers:
        pixels = _thumbnail(shown.writer.read(number), shown.media)
        if shown.partner is not None and shown.partner_media is not None:
            other = _thumbnail(shown.partner(number), shown.partner_media)
            wide = max(1, round(other.shape[1] * len(pixels) / len(other)))
            pixels = _side_by_side([pixels, resize(other, (len(pixels), wide))])
        width = max(width, pixels.shape[1])
        name, split = shown.names[number], shown.splits[number]
        caption = escape(split if of_split else shown.captions[number])
        shots.append(
            f'<figure title="{escape(name)}">{_embedded(pixels, name)}<figcaption>{caption}</figcaption></figure>'
        )
    return f'<div class="sheet" style="--cell:{width}px">{"".join(shots)}</div>'


def _embedded(pixels: NDArray[np.uint8], name: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=6)
    return picture(buffer.getvalue(), ".png", alt=name, size=(pixels.shape[1], pixels.shape[0]))


def _thumbnail(pixels: NDArray[Any], media: MediaSpec) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 of a picture, its longer side at most :data:`LARGEST`; a clip's frames stand side by side."""
    if pixels.ndim == 3:
        return _scaled(_eight_bits(pixels, media), LARGEST)
    chosen = np.linspace(0, len(pixels) - 1, min(CLIP_FRAMES, len(pixels))).round().astype(int)
    frames = [_scaled(_eight_bits(pixels[number], media), _FRAME_SIDE) for number in chosen]
    return _side_by_side(frames)


def _side_by_side(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(h, sum of w, 4) of pictures of one height."""
    # The gap is transparent rather than of a colour that only one of light and dark has.
    opaque = [np.dstack([one, np.full(one.shape[:2], 255, np.uint8)]) for one in pictures]
    gap = np.zeros((len(opaque[0]), _GAP, 4), np.uint8)
    parts = [part for one in opaque for part in (gap, one)][1:]
    return np.concatenate(parts, axis=1)


def _eight_bits(pixels: NDArray[Any], media: MediaSpec) -> NDArray[np.uint8]:
    """(h, w, 3) uint8."""
    shade = (pixels.astype(np.float32) - media.low) * (255.0 / (media.high - media.low))
    eight = shade.clip(0, 255).round().astype(np.uint8)
    # Of two, four and more channels the first stands for all.
    return eight if eight.shape[-1] == 3 else np.repeat(eight[..., :1], 3, axis=-1)


def _scaled(pixels: NDArray[np.uint8], largest: int) -> NDArray[np.uint8]:
    """In its own shape: larger ones shrunk, smaller ones enlarged by a whole number."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    if side > largest:
        return resize(pixels, (max(1, round(height * largest / side)), max(1, round(width * largest / side))))
    times = largest // side
    return pixels.repeat(times, axis=0).repeat(times, axis=1)
