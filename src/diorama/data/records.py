"""One record on disk: small ones as they are, large ones without loss as PNG or compressed arrays."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray
from PIL import Image

from diorama.core.errors import BadInput

DTYPES = ("uint8", "uint16", "float16", "float32")
"""Types a record may have; an index row holds the place in this tuple."""

RAW_PICTURE, RAW_CLIP = 64 << 10, 256 << 10
"""Records of at most this many bytes are stored as they are."""

RECORD = np.dtype(
    [
        ("shard", "<u4"),
        ("offset", "<u8"),
        ("bytes", "<u8"),
        ("label", "<i4"),
        ("frames", "<u4"),
        ("height", "<u4"),
        ("width", "<u4"),
        ("channels", "<u2"),
        ("dtype", "u1"),
        ("encoded", "?"),
        ("fps", "<f4"),
        ("digest", "u1", (16,)),
    ]
)
"""A row of an index. ``frames`` is 0 for pictures, ``fps`` is 0 where the clock is unknown, ``label`` -1 for none."""


@dataclass(frozen=True)
class Payload:
    """A record made ready to be written.

    Args:
        content: its bytes.
        suffix: ``.png`` or ``.npy.zst``; empty for raw bytes.
        row: its index row, shape (1,); place and label are filled by the writer.
        sums: (c, 4) float64: sum, sum of squares, smallest and largest value of every channel.
    """

    content: bytes
    suffix: str
    row: NDArray[np.void]
    sums: NDArray[np.float64]


def encode_record(pixels: NDArray, fps: float | None = None) -> Payload:
    """Make a picture or clip ready to be written.

    Args:
        pixels: (h, w, c) or (t, h, w, c), of a type in :data:`DTYPES`.
        fps: frames a second of a clip.
    """
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype.name not in DTYPES or pixels.ndim not in (3, 4):
        raise ValueError(f"a record is (h, w, c) or (t, h, w, c) of {DTYPES}, got {pixels.shape} {pixels.dtype}")
    row = np.zeros(1, RECORD)
    row["label"] = -1
    row["frames"] = pixels.shape[0] if pixels.ndim == 4 else 0
    row["height"], row["width"], row["channels"] = pixels.shape[-3:]
    row["dtype"] = DTYPES.index(pixels.dtype.name)
    row["fps"] = fps or 0.0
    row["digest"] = np.frombuffer(digest_of(pixels), np.uint8)
    limit = RAW_PICTURE if pixels.ndim == 3 else RAW_CLIP
    if pixels.nbytes <= limit:
        content, suffix = pixels.tobytes(), ""
    elif (pixels.dtype == np.uint8 and pixels.shape[-1] in (1, 3)) or (
        pixels.dtype == np.uint16 and pixels.shape[-1] == 1
    ):
        content, suffix = _to_png(pixels), ".png"
    else:
        content, suffix = _to_zstd(pixels), ".npy.zst"
    row["encoded"] = bool(suffix)
    return Payload(content, suffix, row, _sums(pixels))


def decode_record(content: memoryview | bytes, row: NDArray[np.void], suffix: str) -> NDArray:
    """The pixels that :func:`encode_record` was given.

    Args:
        content: what it made of them.
        row: the index row, shape ().
        suffix: as it was.

    Returns:
        (h, w, c) or (t, h, w, c).

    Raises:
        BadInput: the bytes are damaged.
    """
    shape = shape_of(row)
    dtype = np.dtype(DTYPES[int(row["dtype"])])
    try:
        if suffix == ".png":
            with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
                flat = np.asarray(picture)
        elif suffix:
            flat = np.frombuffer(zstandard.decompress(bytes(content)), dtype)
        else:
            flat = np.frombuffer(content, dtype)
        return flat.astype(dtype, copy=False).reshape(shape)
    except (OSError, SyntaxError, ValueError, zstandard.ZstdError) as problem:
        raise BadInput(f"a stored record is damaged ({problem})") from problem


def shape_of(row: NDArray[np.void]) -> tuple[int, ...]:
    """(h, w, c) or (t, h, w, c) of the record that an index row, shape (), describes."""
    size = (int(row["height"]), int(row["width"]), int(row["channels"]))
    return (int(row["frames"]), *size) if row["frames"] else size


def digest_of(pixels: NDArray) -> bytes:
    """16 bytes that name the content: equal for equal shape, type and values."""
    head = f"{pixels.dtype.name}{pixels.shape}".encode()
    return hashlib.blake2b(pixels, digest_size=16, person=hashlib.blake2b(head, digest_size=16).digest()).digest()


def _to_png(pixels: NDArray) -> bytes:
    """A picture, or a clip with its frames stacked from top to bottom."""
    tall = pixels.reshape(-1, *pixels.shape[-2:])
    buffer = io.BytesIO()
    Image.fromarray(tall[..., 0] if tall.shape[-1] == 1 else tall).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _to_zstd(pixels: NDArray) -> bytes:
    return zstandard.compress(pixels.tobytes(), level=3)


def _sums(pixels: NDArray) -> NDArray[np.float64]:
    flat = pixels.reshape(-1, pixels.shape[-1])
    exact = flat.astype(np.float64)
    return np.stack(
        [exact.sum(0), np.square(exact).sum(0), flat.min(0).astype(np.float64), flat.max(0).astype(np.float64)], axis=1
    )
