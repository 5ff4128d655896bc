"""Pictures: bytes to pixels in their own units, and back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from diorama.core import files
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.media.array import NPY_MAGIC, arranged, axes_words, guessed_axes, read_array, stored_values
from diorama.media.decode import check_size, decode, guarded, open_picture
from diorama.media.jpeg import read_plain_jpeg
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.picture import Frame, Picture
from diorama.media.stamp import XMP_KEYWORD, XMP_TIFF_TAG, SyntheticStamp, to_xmp

__all__ = ["Frame", "Picture", "is_animated", "read_frames", "read_image", "read_size", "suffix_for", "write_image"]

_UNTIMED_SECONDS = 0.1
_JPEG_QUALITY = 95


def read_image(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Decode a picture: its first frame or page where there are several.

    EXIF orientation is applied; palettes and CMYK become RGB; alpha is laid over white; 1-bit becomes 0 and 255;
    16-bit and float pictures keep their type; every such step is among the notes.

    Args:
        content: the file: PNG, JPEG, WebP, BMP, GIF, TIFF, AVIF, PPM, JPEG 2000 or NumPy.
        name: what messages call it.
        limits: checked against the header before anything is decoded.

    Raises:
        BadInput: empty, of no known format, broken, truncated, too large, or not finite.
    """
    plain = read_plain_jpeg(content, limits)
    if plain is not None:
        return Picture(plain, "L" if plain.shape[2] == 1 else "RGB")
    if content.startswith(NPY_MAGIC):
        return _array_picture(content, name, limits)
    image = open_picture(content, name, limits)
    with guarded(name):
        several = _several(image)
    picture = decode(image, name, content)
    return Picture(picture.pixels, picture.mode, (*several, *picture.notes))


def read_frames(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """Decode the frames of an animated GIF, WebP, PNG or AVIF, or the pages of a TIFF stack, one at a time.

    A frame without a duration lasts a tenth of a second, as in browsers; pages have no clock and get the same.

    Raises:
        BadInput: as :func:`read_image`; or more pixels in all frames than ``limits.stack_pixels``.
    """
    image = open_picture(content, name, limits)
    with guarded(name):
        count = getattr(image, "n_frames", 1)
    width, height = image.size
    if count > 1 and count * width * height > limits.stack_pixels:
        raise BadInput(f"{name}: {count} frames of {width} x {height} are more than {limits.stack_pixels} pixels")
    seconds = 0.0
    for index in range(count):
        with guarded(name):
            image.seek(index)
        check_size(image, name, limits)
        picture = decode(image, name)
        lasts = _duration(image)
        yield Frame(picture.pixels, seconds, lasts=lasts)
        seconds += lasts


def read_size(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """(height, width) from the header, before any EXIF orientation; ``content`` may be the file's beginning only.

    Raises:
        BadInput: as :func:`read_image`, as far as a header can tell.
    """
    width, height = open_picture(content, name, limits).size
    return height, width


def is_animated(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether a picture has more than one frame or page.

    Raises:
        BadInput: as :func:`read_image`, as far as a header can tell.
    """
    image = open_picture(content, name, limits)
    with guarded(name):
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def suffix_for(media: MediaSpec) -> str:
    """The suffix under which pictures of these data are written without loss: ``.png``, ``.tif`` or ``.npy``."""
    if media.dtype == "uint8" and media.channels in (1, 3):
        return ".png"
    return ".tif" if media.channels == 1 and media.dtype != "float16" else ".npy"


def write_image(path: Path | str, pixels: np.ndarray, stamp: SyntheticStamp | None = None) -> None:
    """Write a picture atomically (not waiting for the disk), in the format that the suffix names.

    Args:
        path: ``.png``, ``.jpg``/``.jpeg`` (quality 95, full chroma), ``.webp`` (lossless), ``.tif``/``.tiff`` or
            ``.npy``, which has no place for a stamp.
        pixels: (h, w, c). PNG, JPEG and WebP take uint8 of 1 or 3 channels, PNG and TIFF also uint16 of one, TIFF
            also float32 of one; .npy takes all.
        stamp: written into the file's metadata.

    Raises:
        ValueError: pixels or a suffix that the format does not know.
    """
    path, buffer = Path(path), io.BytesIO()
    suffix = path.suffix.lower()
    if suffix == ".npy":
        np.save(buffer, pixels, allow_pickle=False)
        files.write_bytes(path, buffer.getvalue(), durable=False)
        return
    image = _to_pillow(pixels, suffix)
    xmp = to_xmp(stamp) if stamp is not None else b""
    if suffix == ".png":
        text = PngInfo()
        if xmp:
            text.add_itxt(XMP_KEYWORD, xmp.decode())
        image.save(buffer, "PNG", pnginfo=text)
    elif suffix in (".jpg", ".jpeg"):
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0, xmp=xmp)
    elif suffix == ".webp":
        image.save(buffer, "WEBP", lossless=True, xmp=xmp)
    else:
        image.save(buffer, "TIFF", compression="tiff_deflate", tiffinfo={XMP_TIFF_TAG: xmp} if xmp else {})
    files.write_bytes(path, buffer.getvalue(), durable=False)


def _to_pillow(pixels: np.ndarray, suffix: str) -> Image.Image:
    depths = {
        ".png": ("uint8", "uint16"),
        ".tif": ("uint8", "uint16", "float32"),
        ".tiff": ("uint8", "uint16", "float32"),
    }
    depths |= {".jpg": ("uint8",), ".jpeg": ("uint8",), ".webp": ("uint8",)}
    if suffix not in depths:
        raise ValueError(f"pictures are written as {', '.join(depths)} or .npy, got {suffix!r}")
    channels = pixels.shape[2] if pixels.ndim == 3 else 0
    fits = channels == 1 or (channels == 3 and pixels.dtype == np.uint8)
    if pixels.dtype.name not in depths[suffix] or not fits:
        raise ValueError(f"{suffix} cannot hold {pixels.dtype} pixels of shape {pixels.shape}; write .npy")
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels))


def _array_picture(content: bytes, name: str, limits: Limits) -> Picture:
    array = read_array(content, name, limits)
    try:
        axes = guessed_axes(array.shape, 3)
    except ValueError as problem:
        raise BadInput(f"{name}: {problem}") from problem
    pixels, retyped = stored_values(arranged(array, axes), name)
    return Picture(pixels, "array", (axes_words(axes, pixels.shape[-1], guessed=True), *retyped))


def _several(image: Image.Image) -> tuple[str, ...]:
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()
    what = "pages" if image.format == "TIFF" else "frames"
    return (f"first of {image.n_frames} {what}",)  # type: ignore[attr-defined]


def _duration(image: Image.Image) -> float:
    milliseconds = float(image.info.get("duration", 0) or 0)
    return milliseconds / 1000 if milliseconds > 0 else _UNTIMED_SECONDS
