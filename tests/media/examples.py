"""Small pictures and clips, and their files, for the tests of this room and of the sources."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from diorama.media.stamp import SyntheticStamp

STAMP = SyntheticStamp(model="ab" * 32, seed=7, recipe='faces "<&é>"')


def noise(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Random values over the whole range of an integer type."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def smooth_clip(frames: int = 12, height: int = 32, width: int = 48) -> np.ndarray:
    """(t, h, w, 3) uint8 that video codecs keep well."""
    y, x = np.mgrid[:height, :width]
    clip = [
        np.stack([127 + 100 * np.sin(x / 9 + t), 127 + 100 * np.cos(y / 9 + t), np.full(x.shape, 60 + 9 * t)], -1)
        for t in range(frames)
    ]
    return np.stack(clip).astype(np.uint8)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """A Pillow picture as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def png(height: int = 6, width: int = 8, seed: int = 0) -> bytes:
    """A small colour PNG."""
    return saved(Image.fromarray(noise(height, width, 3, seed=seed)), "PNG")


def jpeg(height: int = 16, width: int = 24, seed: int = 0) -> bytes:
    """A small colour JPEG."""
    return saved(Image.fromarray(noise(height, width, 3, seed=seed)), "JPEG", quality=95)


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    """A .npy file's bytes."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def bomb_png(width: int = 100_000, height: int = 100_000) -> bytes:
    """A PNG of a few bytes whose header declares an enormous picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bomb_gif() -> bytes:
    """A GIF of a few bytes whose screen is 65,535 x 65,535."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02D\x01\0;"


def deep_png(pixels: np.ndarray) -> bytes:
    """A 16-bit PNG of (h, w, 2, 3 or 4) uint16, written by hand since Pillow cannot."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
