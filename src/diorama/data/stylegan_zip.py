"""Prepared pictures as a zip that StyleGAN's programs read: PNG files, and their labels in ``dataset.json``.

Reference: T. Karras et al., arXiv:2006.06676; the layout is that of ``dataset_tool.py`` of NVIDIA's PyTorch code of
StyleGAN2-ADA and StyleGAN3.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.files import fresh_file
from diorama.data.dataset import MANIFEST, Split
from diorama.data.records import to_png

A_FOLDER = 1_000
"""Pictures of one folder of the zip."""
_AT_ONCE = 64
_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can hold: the same data give the same bytes."""


def write_stylegan_zip(split: Split, out: Path) -> tuple[str, ...]:
    """Write the records of a split, in their order; the zip appears whole or not at all.

    Their classes become numbers, as StyleGAN's programs want them; the names stand under ``classes`` in
    ``dataset.json``, where :mod:`diorama.data.sources.sidecars` finds them and others pass them over.

    Args:
        split: pictures of 8 bits and one or three channels.
        out: the file.

    Returns:
        What the zip has no place for, for people.

    Raises:
        BadInput: the records are no such pictures, or some have a label and others not.
    """
    media, count = split.info.media, len(split)
    if media.kind != "image" or media.dtype != "uint8" or media.channels not in (1, 3):
        raise BadInput(
            f"a StyleGAN zip holds pictures of 8 bits, grey or in colour, and these are {media.in_words(count)} of "
            f"{media.dtype}"
        )
    if not count:
        raise BadInput(f"its split {split.name!r} is empty")
    labels = _labels(split)
    names = [f"{place // A_FOLDER:05d}/img{place:08d}.png" for place in range(count)]
    pairs = None if labels is None else [[name, label] for name, label in zip(names, labels, strict=True)]
    document = {"labels": pairs} | ({} if labels is None else {"classes": list(split.info.classes)})
    with fresh_file(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for start in range(0, count, _AT_ONCE):
            places = np.arange(start, min(start + _AT_ONCE, count), dtype=np.int64)
            for place, pixels in zip(places, split.stored(places), strict=True):
                archive.writestr(zipfile.ZipInfo(names[place], _DATE), to_png(pixels))
        archive.writestr(zipfile.ZipInfo(MANIFEST, _DATE), json.dumps(document, ensure_ascii=False))
    return tuple(_notes(split))


def _labels(split: Split) -> list[int] | None:
    numbers = split.labels(np.arange(len(split), dtype=np.int64))
    if numbers is None:
        return None
    missing = int((numbers < 0).sum())
    if missing:
        raise BadInput(
            f"{missing:,} of the {len(split):,} records of {split.name!r} have no label, and a StyleGAN zip has one "
            "for each picture or for none; prepare those with a label alone"
        )
    return [int(number) for number in numbers]


def _notes(split: Split) -> list[str]:
    media, notes = split.info.media, []
    side = media.height
    if side != media.width or side & (side - 1):
        size = f"{media.height} x {media.width}"
        notes.append(f"pictures are of {size}: StyleGAN's programs train on squares of 2^n pixels")
    sides = ["captions" if spec.kind == "text" else spec.key for spec in split.info.sides]
    if sides:
        notes.append(f"{', '.join(sides)} of the records are not written")
    return notes
