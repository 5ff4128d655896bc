"""Pillow's pictures, opened with suspicion and brought to the few forms that data sets keep."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps

from diorama.core.errors import BadInput
from diorama.media.array import stored_values
from diorama.media.deep_colour import on_white, read_deep_colour
from diorama.media.limits import Limits
from diorama.media.picture import Picture

# Named one by one: Pillow would start Ghostscript for EPS, and its rarer readers are little tested.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "AVIF", "PPM", "JPEG2000")

# Pillow logs some of what it then raises; without a handler Python would print it beside our own message.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_ORIENTATION = 0x0112
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
    with guarded(name):
        image = Image.open(io.BytesIO(content), formats=FORMATS)
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
    mode, notes = image.mode, []
    if content is not None and _is_deep_colour(image):
        deep = read_deep_colour(content, image.format or "", 4 if mode == "RGBA" else 3)
        if deep is not None:
            return _deep_picture(deep, mode)
        notes.append("16-bit colour cut to 8 bits")
    with guarded(name):
        image.load()
        if _orientation(image) > 1:
            image = ImageOps.exif_transpose(image)
            notes.append("turned as its EXIF orientation says")
        plain, converted = _plain(image)
        pixels, retyped = stored_values(np.asarray(plain), name)
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


def _deep_picture(deep: np.ndarray, mode: str) -> Picture:
    if mode != "RGBA":
        return Picture(deep, f"{mode};16")
    if (deep[..., 3] == 65535).all():
        return Picture(np.ascontiguousarray(deep[..., :3]), f"{mode};16")
    return Picture(on_white(deep), f"{mode};16", ("alpha laid over white",))


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether Pillow is about to cut 16 bits to 8: only the raw modes of its tiles tell."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    arguments = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in getattr(image, "tile", ())]
    return any(isinstance(word, str) and ";16" in word for tile in arguments for word in tile)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken EXIF says nothing about the pixels
        return 1
