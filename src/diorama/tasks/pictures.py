"""Pictures and masks that people give: found, read in stored units, and held against what a model reads."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput, DioramaWarning
from diorama.core.numbers import counted
from diorama.core.suggestions import did_you_mean
from diorama.data.dataset import is_prepared
from diorama.data.sources.names import PICTURES, VOLUMES, content_of
from diorama.data.sources.volumes import read_volume
from diorama.media.image import read_image
from diorama.media.kinds import HEAD_BYTES, kind_by_content
from diorama.media.picture import Picture
from diorama.media.resize import fit as fit_size

_FITTED = "of another size, scaled to {} x {} pixels and cut to their middle"
_GREY = "grey, stored as three equal channels, of which one is read"
_SUFFIXES = (*PICTURES, ".gif", ".npy", *VOLUMES)


def picture_files(source: Path) -> list[Path]:
    """The picture that a path is, or the pictures of a folder in the order of their names.

    Raises:
        BadInput: there is nothing there, no picture in the folder, or a prepared set.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        beside = [each.name for each in source.parent.iterdir()] if source.parent.is_dir() else []
        raise BadInput(f"{source}: there is no such picture or folder{did_you_mean(source.name, beside)}")
    found = sorted(path for path in source.iterdir() if path.is_file() and path.name.lower().endswith(_SUFFIXES))
    # Folders of pictures may hold a list of that name as well; arrays beside it are the index of a prepared set.
    if is_prepared(source) and all(path.suffix == ".npy" for path in found):
        raise BadInput(f"{source}: is a prepared set, which holds no picture files; give what it was made of")
    if not found:
        raise BadInput(f"{source}: holds no pictures (sub-folders are not searched)")
    return found


def read_picture(path: Path, media: MediaSpec, *, any_size: bool = False, fitted: bool = False) -> np.ndarray:
    """A picture in the units that a model reads: (h, w, c) of ``media.dtype``.

    Args:
        path: the picture.
        media: what the model reads.
        any_size: its height and width do not count.
        fitted: one of another size is scaled, and cut to its middle.

    Raises:
        BadInput: it cannot be read, or has another size, number of channels or type than the model reads. Three equal
            channels count as one.
    """
    return _read(path, media, any_size, fitted).pixels


def look_at(
    files: Sequence[Path],
    media: MediaSpec,
    *,
    any_size: bool = False,
    fitted: bool = False,
    fit: Callable[[tuple[int, int]], str | None] | None = None,
) -> None:
    """Read all pictures once before anything is done, and warn of what is changed in them, with its count.

    Args:
        files: the pictures.
        media: what the model reads.
        any_size: their height and width do not count.
        fitted: those of another size are scaled, and cut to their middle.
        fit: says what is done to a picture of a (height, width) so that it fits, or raises :class:`BadInput`.

    Raises:
        BadInput: see :func:`read_picture`; or a picture's size does not fit.
    """
    notes: Counter[str] = Counter()
    for file in files:
        picture = _read(file, media, any_size, fitted)
        height, width, _ = picture.pixels.shape
        try:
            done = None if fit is None else fit((height, width))
        except BadInput as problem:
            raise BadInput(f"{file}: {problem}") from problem
        notes.update({*picture.notes, *([done] if done else [])})
    for note, count in notes.items():
        lost = ", so what is written has none" if "alpha" in note else ""
        warnings.warn(f"{count:,} of {len(files):,} given pictures: {note}{lost}", DioramaWarning, stacklevel=2)


def _read(path: Path, media: MediaSpec, any_size: bool, fitted: bool = False) -> Picture:
    content = _content(path)
    scanned = content_of(path.name) == "volume" or kind_by_content(content[:HEAD_BYTES]) == "volume"
    picture = _slice(content, path, media) if scanned else read_image(content, str(path))
    if fitted and picture.pixels.shape[:2] != (media.height, media.width):
        note = _FITTED.format(media.width, media.height)
        pixels = fit_size(picture.pixels, (media.height, media.width))
        picture = replace(picture, pixels=pixels, notes=(*picture.notes, note))
    if media.channels == 1 and _is_grey(picture.pixels):
        picture = replace(picture, pixels=picture.pixels[..., :1], notes=(*picture.notes, _GREY))
    pixels = picture.pixels
    height, width, channels = pixels.shape
    if not any_size and (height, width) != (media.height, media.width):
        raise BadInput(
            f"{path}: is {width} x {height} pixels, and the model reads {media.width} x {media.height}; "
            "cut and scale it to that first"
        )
    if (channels, media.channels) == (3, 1):
        raise BadInput(f"{path}: has {_colours(3)}, and grey pictures are read here; save it with one channel first")
    if channels != media.channels:
        raise BadInput(f"{path}: has {_colours(channels)}, and the model reads {_colours(media.channels)}")
    if pixels.dtype.name != media.dtype:
        raise BadInput(f"{path}: holds {pixels.dtype.name} values, and the model reads {media.dtype}")
    return picture


def _is_grey(pixels: np.ndarray) -> bool:
    """Whether (h, w, 3) holds no colour, as of grey pictures that were saved as RGB."""
    return pixels.shape[-1] == 3 and bool((pixels == pixels[..., :1]).all())


def _slice(content: bytes, path: Path, media: MediaSpec) -> Picture:
    """The one slice of a medical file, in the units that it states."""
    volume = read_volume(content, str(path))
    if volume.slices * volume.times != 1:
        raise BadInput(
            f"{path}: holds {volume.slices * volume.times:,} slices; save the one that is meant as .tif or .npy, in "
            "the file's units (pydicom, nibabel)"
        )
    values = volume.read(0, 0)
    pixels = values.astype(media.dtype)
    if not np.array_equal(pixels, values):
        raise BadInput(f"{path}: holds values from {values.min():g} to {values.max():g}, the model reads {media.dtype}")
    return Picture(pixels, "volume", volume.notes)


def mask_files(mask: Path, pictures: Sequence[Path]) -> list[Path]:
    """The mask of each picture: one for all, or of a folder the one of the same name, whatever its suffix.

    Raises:
        BadInput: there is no mask, or none for a picture.
    """
    if not mask.is_dir():
        if not mask.is_file():
            raise BadInput(f"{mask}: there is no such mask")
        return [mask] * len(pictures)
    by_name = {path.stem: path for path in picture_files(mask)}
    for picture in pictures:
        if picture.stem not in by_name:
            raise BadInput(f"{mask}: holds no mask for {picture.name}")
    return [by_name[picture.stem] for picture in pictures]


def read_masks(mask: Path, pictures: Path, media: MediaSpec) -> list[NDArray[np.bool_]]:
    """The mask of each picture of an input, see :func:`mask_files` and :func:`read_mask`; each file is read once.

    Masks of another size are fitted as their pictures are, and a warning says how many.

    Args:
        mask: one for all, or a folder of them.
        pictures: the picture, or the folder of them.
        media: what the masks are to fit.
    """
    files = mask_files(mask, picture_files(pictures))
    images = {file: read_image(_content(file), str(file)).pixels for file in set(files)}
    size = media.height, media.width
    others = sum(pixels.shape[:2] != size for pixels in images.values())
    if others:
        note = f"{others:,} of {counted(len(images), 'mask')}: {_FITTED.format(*size[::-1])}"
        warnings.warn(note, DioramaWarning, stacklevel=2)
    read = {file: mask_of(pixels, media, str(file)) for file, pixels in images.items()}
    return [read[file] for file in files]


def mask_of(pixels: np.ndarray, media: MediaSpec, name: str) -> NDArray[np.bool_]:
    """A mask (h, w), true where something is to be drawn: where its picture is lighter than the middle.

    Args:
        pixels: (h, w, c) of the picture; of another size it is scaled, and cut to its middle.
        media: what the mask is to fit.
        name: of the picture, for messages.

    Raises:
        BadInput: it covers nothing or everything.
    """
    if pixels.shape[:2] != (media.height, media.width):
        pixels = fit_size(pixels, (media.height, media.width))
    white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    lightness = pixels.astype(np.float64).mean(axis=2)
    mask = lightness > white / 2
    if not mask.any():
        what = "black all over"
        if lightness.max() > 0:
            what = f"nowhere lighter than the middle grey (at most {lightness.max():g} of {white:g})"
        raise BadInput(f"{name}: the mask is {what}, so nothing is to be drawn; white marks what is")
    if mask.all():
        what = "white all over" if lightness.min() == white else "lighter than the middle grey all over"
        raise BadInput(f"{name}: the mask is {what}, so nothing is known; draw with `diorama sample`")
    return mask


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem


def _colours(channels: int) -> str:
    return {1: "1 channel (grey)", 3: "3 channels (colour)"}.get(channels, f"{channels} channels")
