"""NumPy arrays as pictures: types, layout, and a reader that trusts no header."""

from __future__ import annotations

import io
import math

import numpy as np

from diorama.core.errors import BadInput
from diorama.media.limits import DEFAULT_LIMITS, Limits

NPY_MAGIC = b"\x93NUMPY"
STORED_TYPES = ("uint8", "uint16", "float16", "float32")
_MOST_CHANNELS_BY_SIGHT = 4


def read_array(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """The array in a .npy file; pickled objects are refused.

    Raises:
        BadInput: not a .npy file, objects inside, truncated, or more values than ``limits.stack_pixels``.
    """
    try:
        file = io.BytesIO(content)
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
    except Exception as problem:
        raise BadInput(f"{name}: not a NumPy array file ({problem})") from problem
    if dtype.hasobject:
        raise BadInput(f"{name}: holds Python objects, which could run code; save plain numbers")
    declared, present = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if declared > present:
        raise BadInput(f"{name}: truncated, its header declares {declared} bytes and {present} are there")
    if math.prod(shape) > 4 * limits.stack_pixels:
        raise BadInput(f"{name}: {shape} is more than {4 * limits.stack_pixels} values; split it into several files")
    return np.load(io.BytesIO(content), allow_pickle=False)


def channels_last(array: np.ndarray, dims: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Records (…, h, w), (…, h, w, c) or (…, c, h, w) as (…, h, w, c).

    An axis of at most four values that is not the last is taken for channels when the last is longer.

    Args:
        array: any array of ``dims - 1`` or ``dims`` dimensions.
        dims: dimensions of the result: 3 for one picture, 4 for a stack of pictures or a clip, 5 for a stack of clips.

    Returns:
        The array, a view where possible, and what was decided.

    Raises:
        ValueError: another number of dimensions.
    """
    if array.ndim == dims - 1:
        return array[..., np.newaxis], ()
    if array.ndim != dims:
        raise ValueError(f"shape {array.shape} has {array.ndim} dimensions, expected {dims - 1} or {dims}")
    first = -3 if dims < 5 else None
    for axis in (first,) if first else (-3, -4):
        if array.shape[axis] <= _MOST_CHANNELS_BY_SIGHT < array.shape[-1]:
            return np.moveaxis(array, axis, -1), ("channels came first",)
    return array, ()


def stored_values(array: np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array in one of the types that data sets are stored in.

    Booleans become 0 and 255; float64 becomes float32; other integers take the smallest of uint8 and uint16 that
    holds them, or float32.

    Raises:
        BadInput: complex numbers, text or other types; NaN or infinities.
    """
    kind, own = array.dtype.kind, array.dtype.name
    if kind == "f" and not np.isfinite(array).all():
        raise BadInput(f"{name}: holds NaN or infinities; replace them first")
    if own in STORED_TYPES:
        return array.astype(array.dtype.newbyteorder("="), copy=False), ()
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255), ("bool became 0 and 255",)
    if kind == "f":
        return array.astype(np.float32), (f"{own} became float32",)
    if kind not in "iu":
        raise BadInput(f"{name}: {own} values are not pixels; save uint8, uint16, float16 or float32")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    target = "float32" if low < 0 or high > 65535 else "uint8" if high <= 255 else "uint16"
    return array.astype(target), (f"{own} became {target}",)
