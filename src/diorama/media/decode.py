"""Pillow's pictures, opened with suspicion and brought to the few forms that data sets keep."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from diorama.core.errors import BadInput
from diorama.media.array import stored_values
from diorama.media.deep_colour import on_white, read_deep_colour
from diorama.media.heif import HEIF_IS_READ
from diorama.media.kinds import HEAD_BYTES, unlike_a_picture
from diorama.media.limits import Limits
from diorama.media.orientation import UPRIGHT, turned
from diorama.media.picture import Picture
from diorama.media.tiff import is_thumbnail, left_out_channels, tiff_words

# Named one by one: Pillow would start Ghostscript for EPS, and its rarer readers are little tested.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "AVIF", "PPM", "JPEG2000")

FORMATS: tuple[str, ...] = (*_FORMATS, "HEIF") if HEIF_IS_READ else _FORMATS

# Pillow logs some of what it then raises; without a handler Python would print it beside our own message.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_ORIENTATION, _ORIENTATIONS = 0x0112, 8
_IN_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])")
_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0
_WHITE16 = np.uint16(65535)
_GREY16 = ("I;16", "I;16L", "I;16B", "I;16N")


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Whatever a decoder raises on hostile bytes becomes BadInput; what it merely warns of is dropped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except BadInput:
            raise
        except Image.DecompressionBombError as problem:
            raise BadInput(f"{name}: its header declares an enormous picture ({problem})") from problem
        except Image.UnidentifiedImageError as problem:
            raise BadInput(f"{name}: not a picture of a known format ({', '.join(FORMATS)}, npy)") from problem
        except Exception as problem:
            raise BadInput(f"{name}: broken or truncated picture ({problem})") from problem


def open_picture(content: bytes, name: str, limits: Limits) -> Image.Image:
    """Read the header only.

    Raises:
        BadInput: empty, not a picture, or more pixels than ``limits.pixels``.
    """
    if not content:
        raise BadInput(f"{name}: empty file (0 bytes)")
    try:
        with guarded(name):
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except BadInput as problem:
        found = unlike_a_picture(content[:HEAD_BYTES]) or tiff_words(content)
        if found is None or not isinstance(problem.__cause__, Image.UnidentifiedImageError):
            raise
        raise BadInput(f"{name}: {found}") from problem
    with guarded(name):
        thumbnail = is_thumbnail(image)
    if thumbnail:
        raise BadInput(f"{name}: a camera's raw file, of which only the thumbnail could be read; develop it to TIFF")
    check_size(image, name, limits)
    return image


def check_size(image: Image.Image, name: str, limits: Limits) -> None:
    """Refuse a picture whose header declares more pixels than allowed."""
    width, height = image.size
    if width * height > limits.pixels:
        raise BadInput(f"{name}: {width} x {height} pixels are more than {limits.pixels}; make it smaller first")


def decode(image: Image.Image, name: str, content: bytes | None = None) -> Picture:
    """The pixels of the current frame.

    Args:
        image: opened, not necessarily loaded.
        name: for messages.
        content: the whole file, where 16-bit colour may be decoded from it.
    """
    # Loading, which asking a PNG for its orientation does, forgets how its values are stored.
    deep, file_format = _deep_mode(image), image.format or ""
    noted = _orientation(image) if deep or file_format == "TIFF" else UPRIGHT
    left, picture = noted, None
    if content is not None and deep:
        # A colour that stands for transparency comes as alpha.
        keyed = deep == "RGB" and "transparency" in image.info
        picture = _deep("RGBA" if keyed else deep, file_format, content)
    if picture is None:
        picture = _through_pillow(image, name, cut=bool(deep))
        # Of TIFFs Pillow turns the picture itself as it loads it, and takes the mark away.
        left = _orientation(image)
    with guarded(name):
        notes = (*left_out_channels(image), *picture.notes)
    if UPRIGHT == noted == left:
        return Picture(picture.pixels, picture.mode, notes)
    note = "turned as its orientation says"
    return Picture(turned(picture.pixels, left), picture.mode, (note, *notes))


def _through_pillow(image: Image.Image, name: str, *, cut: bool) -> Picture:
    mode = image.mode
    notes = ("16-bit colour cut to 8 bits",) if cut else ()
    with guarded(name):
        image.load()
        plain, converted = _plain(image)
        pixels, retyped = stored_values(np.asarray(plain), name)
    if _white_is_zero(image):
        pixels, converted = _WHITE16 - pixels, (*converted, "zero stood for white")
    key = image.info.get("transparency")
    if plain.mode in _GREY16 and isinstance(key, int) and (pixels == key).any():
        pixels, converted = np.where(pixels == key, _WHITE16, pixels), (*converted, "alpha laid over white")
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    return Picture(pixels, mode, (*notes, *converted, *retyped))


def _plain(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture in L, RGB, I;16, I or F."""
    if image.mode in ("L", "RGB", "P") and "transparency" in image.info:
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    elif image.mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("LA", "RGBA"):
        return _on_white(image)
    if image.mode in ("L", "RGB", "I", "F", *_GREY16):
        return image, ()
    if image.mode == "1":
        return image.convert("L"), ("black and white became 0 and 255",)
    note = "palette became colour" if image.mode == "P" else f"{image.mode} became RGB"
    return image.convert("RGB"), (note,)


def _on_white(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    alpha = image.getchannel("A")
    opaque = image.convert(image.mode.removesuffix("A"))
    if alpha.getextrema() == (255, 255):
        return opaque, ()
    canvas = Image.new(opaque.mode, opaque.size, "white")
    canvas.paste(opaque, mask=alpha)
    return canvas, ("alpha laid over white",)


def _deep(mode: str, file_format: str, content: bytes) -> Picture | None:
    """A picture of 16 bits a channel that Pillow would cut to 8, ``None`` where FFmpeg cannot read it."""
    pixels = read_deep_colour(content, file_format, 3 if mode == "RGB" else 4)
    if pixels is None:
        return None
    notes: tuple[str, ...] = ()
    if mode != "RGB":
        opaque = (pixels[..., 3] == _WHITE16).all()
        pixels, notes = (pixels[..., :3], ()) if opaque else (on_white(pixels), ("alpha laid over white",))
    # Grey comes as three equal channels.
    return Picture(np.ascontiguousarray(pixels[..., :1] if mode == "LA" else pixels), f"{mode};16", notes)


def _deep_mode(image: Image.Image) -> str:
    """``RGB``, ``RGBA`` or ``LA`` where Pillow is about to cut 16 bits to 8; only the raw modes of its tiles tell."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return ""
    arguments = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in getattr(image, "tile", ())]
    raw = next((word for tile in arguments for word in tile if isinstance(word, str) and ";16" in word), "")
    return "LA" if raw.startswith("LA;") else image.mode if raw else ""


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a 16-bit grey TIFF counts from white down; Pillow turns those of 8 bits over itself."""
    tags = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and image.mode in _GREY16 and tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE


def _orientation(image: Image.Image) -> int:
    """From EXIF, or where that says nothing, from XMP."""
    try:
        found = image.getexif().get(_ORIENTATION)
        if found is None:
            xmp = image.info.get("xmp", b"")
            noted = _IN_XMP.search(xmp if isinstance(xmp, bytes) else b"")
            found = noted[1] if noted else UPRIGHT
        return int(found) if UPRIGHT < int(found) <= _ORIENTATIONS else UPRIGHT
    except Exception:  # broken EXIF says nothing about the pixels
        return UPRIGHT
