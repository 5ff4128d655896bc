"""One record on disk: small ones as they are, large ones without loss as PNG or compressed arrays."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray
from PIL import Image

from diorama.core.errors import BadInput

DTYPES = ("uint8", "uint16", "float16", "float32", "int32")
"""Types a record may have; an index row holds the place in this tuple. Those of a finished data set are never int32, in
which wider integers wait until the values of all records are known."""

RAW_PICTURE, RAW_CLIP = 64 << 10, 256 << 10
"""Records of at most this many bytes are stored as they are."""

_SUMMED_IN_32_BITS = (2**32 - 1) // 255**2

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


def encode_record(pixels: NDArray[Any], fps: float | None = None) -> Payload:
    """Make a picture or clip ready to be written.

    Args:
        pixels: (h, w, c) or (t, h, w, c), of a type in :data:`DTYPES`.
        fps: frames a second of a clip.
    """
    return encode_records(pixels[None], fps)[0]


def encode_records(stack: NDArray[Any], fps: float | None = None) -> list[Payload]:
    """Make records of one shape ready to be written.

    Args:
        stack: (n, h, w, c) or (n, t, h, w, c), of a type in :data:`DTYPES`.
        fps: frames a second of clips.
    """
    stack = np.ascontiguousarray(stack)
    if stack.dtype.name not in DTYPES or stack.ndim not in (4, 5):
        raise ValueError(f"a record is (h, w, c) or (t, h, w, c) of {DTYPES}, got {stack.shape[1:]} {stack.dtype}")
    rows = np.zeros(len(stack), RECORD)
    rows["label"] = -1
    rows["frames"] = stack.shape[1] if stack.ndim == 5 else 0
    rows["height"], rows["width"], rows["channels"] = stack.shape[-3:]
    rows["dtype"] = DTYPES.index(stack.dtype.name)
    rows["fps"] = fps or 0.0
    rows["digest"] = np.frombuffer(b"".join(_digests_of(stack)), np.uint8).reshape(-1, 16)
    suffix = _suffix_for(stack)
    rows["encoded"] = bool(suffix)
    encoder = {"": _to_bytes, ".png": to_png, ".npy.zst": _to_zstd}[suffix]
    sums = record_sums(stack)
    return [Payload(encoder(pixels), suffix, rows[i : i + 1], sums[i]) for i, pixels in enumerate(stack)]


def _suffix_for(stack: NDArray[Any]) -> str:
    """How records like these are stored: small ones raw, those that PNG can hold as PNG, others compressed."""
    # By the first, since all of a stack have one shape and so one size.
    limit = RAW_PICTURE if stack.ndim == 4 else RAW_CLIP
    if stack[0].nbytes <= limit:
        return ""
    channels = {"uint8": (1, 3), "uint16": (1,)}.get(stack.dtype.name, ())
    return ".png" if stack.shape[-1] in channels else ".npy.zst"


def decode_record(content: memoryview | bytes, row: NDArray[np.void], suffix: str) -> NDArray[Any]:
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
            flat = _from_png(content, shape)
        elif suffix:
            flat = np.frombuffer(_from_zstd(content, math.prod(shape) * dtype.itemsize), dtype)
        else:
            flat = np.frombuffer(content, dtype)
        return np.array(flat, dtype).reshape(shape)  # a copy: mapped files are not to be written to
    except (OSError, SyntaxError, ValueError, zstandard.ZstdError) as problem:
        raise BadInput(f"a stored record is damaged ({problem})") from problem


def shape_of(row: NDArray[np.void]) -> tuple[int, ...]:
    """(h, w, c) or (t, h, w, c) of the record that an index row, shape (), describes."""
    size = (int(row["height"]), int(row["width"]), int(row["channels"]))
    return (int(row["frames"]), *size) if row["frames"] else size


def digest_of(pixels: NDArray[Any]) -> bytes:
    """16 bytes that name the content: equal for equal shape, type and values."""
    return next(_digests_of(pixels[None]))


def _digests_of(stack: NDArray[Any]) -> Iterator[bytes]:
    shape_and_type = hashlib.blake2b(f"{stack.dtype.name}{stack.shape[1:]}".encode(), digest_size=16)
    for pixels in stack:
        name = shape_and_type.copy()
        name.update(pixels.data)
        yield name.digest()


def to_png(pixels: NDArray[Any]) -> bytes:
    """A picture, or a clip with its frames stacked from top to bottom."""
    tall = pixels.reshape(-1, *pixels.shape[-2:])  # (h, w, c) or (t h, w, c)
    buffer = io.BytesIO()
    Image.fromarray(tall[..., 0] if tall.shape[-1] == 1 else tall).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _to_zstd(pixels: NDArray[Any]) -> bytes:
    return zstandard.compress(pixels.tobytes(), level=3)


def _from_png(content: memoryview | bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The picture, once its header has the size of the index row: a few bytes may unfold to any other."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        if picture.height * picture.width * shape[-1] != math.prod(shape):
            raise ValueError(f"{picture.width} x {picture.height} pixels are not those of its index")
        return np.asarray(picture)


def _from_zstd(content: memoryview | bytes, size: int) -> bytes:
    """The bytes, once the header has the size of the index row."""
    packed = bytes(content)
    if zstandard.frame_content_size(packed) != size:
        raise ValueError(f"{size} bytes were written, its header has another number")
    return zstandard.decompress(packed)


def _to_bytes(pixels: NDArray[Any]) -> bytes:
    return pixels.tobytes()


def record_sums(stack: NDArray[Any]) -> NDArray[np.float64]:
    """(n, c, 4) of (n, …, c) records: sum, sum of squares, smallest and largest value of every channel."""
    planes = np.ascontiguousarray(np.moveaxis(stack.reshape(len(stack), -1, stack.shape[-1]), -1, 1))  # (n, c, values)
    whole = planes.dtype.kind == "u"
    squares = np.square(planes, dtype=np.uint32 if whole else np.float64)
    # Sums in the type of the terms are several times as fast; those of 8-bit pictures fit where they are small.
    fits = planes.dtype == np.uint8 and planes.shape[-1] <= _SUMMED_IN_32_BITS
    wide = np.uint32 if fits else np.uint64 if whole else np.float64
    columns = (planes.sum(-1, dtype=wide), squares.sum(-1, dtype=wide), planes.min(-1), planes.max(-1))
    return np.stack([column.astype(np.float64) for column in columns], axis=-1)
