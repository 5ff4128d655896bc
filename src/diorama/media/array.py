"""NumPy arrays as pictures: types, layout, and a reader that trusts no header."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.media.limits import DEFAULT_LIMITS, Limits

NPY_MAGIC = b"\x93NUMPY"
HEADER_BYTES = 16_384
STORED_TYPES = ("uint8", "uint16", "float16", "float32", "int32")
AXES = "nthwc"
_AXIS_WORDS = {"n": "records", "t": "frames", "h": "height", "w": "width", "c": "channels"}
_MOST_CHANNELS_BY_SIGHT = 4
_FLAT_DIMS, _STACK_DIMS, _STACK_OF_CLIPS_DIMS = 2, 4, 5
_MOST_UINT8 = 255
_EXACT_IN_FLOAT32 = 1 << 24


def read_array(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """The array in a .npy file; pickled objects are refused.

    Raises:
        BadInput: not a .npy file, objects inside, truncated, or more values than ``limits.stack_pixels``.
    """
    shape, dtype, start = read_header(content, name)
    declared, present = math.prod(shape) * dtype.itemsize, len(content) - start
    if declared > present:
        raise BadInput(f"{name}: truncated, its header declares {declared} bytes and {present} are there")
    if math.prod(shape) > 4 * limits.stack_pixels:
        raise BadInput(f"{name}: {shape} is more than {4 * limits.stack_pixels} values; split it into several files")
    return load_array(io.BytesIO(content), name)


def load_array(file: Path | io.BytesIO, name: str) -> np.ndarray:
    """The array in a .npy file whose header has been read: mapped where it is a path, else in memory.

    Raises:
        BadInput: the header promises what is not there.
    """
    try:
        return np.load(file, mmap_mode="r" if isinstance(file, Path) else None, allow_pickle=False)
    except (ValueError, OSError, OverflowError, TypeError) as problem:
        raise BadInput(f"{name}: truncated or broken array file ({problem})") from problem


def read_header(head: bytes, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and where the values start, from the first ``HEADER_BYTES`` of a .npy file.

    Raises:
        BadInput: not a .npy file, or objects inside.
    """
    file = io.BytesIO(head)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except Exception as problem:  # NumPy parses the header as Python, with all the errors that Python has
        raise BadInput(f"{name}: not a NumPy array file ({problem})") from problem
    if dtype.hasobject:
        raise BadInput(f"{name}: holds Python objects, which could run code; save plain numbers")
    return shape, dtype, file.tell()


def guessed_axes(shape: tuple[int, ...], dims: int) -> str:
    """Which axis of an array is what: letters of ``nthwc`` (records, frames, height, width, channels) in its order.

    Without an axis for channels there is one. An axis of at most four values is taken for them when the last two are
    longer; of longer axes the one that stands beside two equal ones, or the first where it is half as long as the
    others at most; else the last.

    Args:
        shape: of ``dims - 1`` or ``dims`` dimensions.
        dims: 3 for one picture, 4 for a stack of pictures or a clip, 5 for a stack of clips; leading axes are named
            ``n``, or ``nt``.

    Raises:
        ValueError: another number of dimensions, or records last, as MATLAB writes them.
    """
    leading = "nt"[: dims - 3]
    if len(shape) == dims - 1:
        return f"{leading}hw"
    if len(shape) != dims:
        flat = _reshaped(shape[1]) if len(shape) == _FLAT_DIMS and dims == _STACK_DIMS else ""
        raise ValueError(f"shape {shape} has {len(shape)} dimensions, expected {dims - 1} or {dims}{flat}")
    first, second, last = shape[-3:]
    if dims == _STACK_DIMS and second <= _MOST_CHANNELS_BY_SIGHT < min(shape[0], first, last):
        raise ValueError(f"shape {shape} seems to count records last; --axes hwcn reads it so")
    # Of a clip in a stack, channels may come before or after the frames.
    if dims == _STACK_OF_CLIPS_DIMS and shape[-4] <= _MOST_CHANNELS_BY_SIGHT < min(shape[-2:]) and first > shape[-4]:
        return "ncthw"
    if first <= _MOST_CHANNELS_BY_SIGHT < min(second, last):
        return f"{leading}chw"
    if last <= _MOST_CHANNELS_BY_SIGHT or (first == second != last):
        return f"{leading}hwc"
    came_first = second == last != first or 2 * first <= min(second, last)
    return f"{leading}chw" if came_first else f"{leading}hwc"


def _reshaped(values: int) -> str:
    """How rows of so many values become square pictures, as NumPy is told it; empty where they are none."""
    grey, colour = math.isqrt(values), math.isqrt(values // 3)
    if grey > 1 and grey * grey == values:
        return f"; where each row is a picture, save array.reshape(-1, {grey}, {grey})"
    if colour > 1 and 3 * colour * colour == values:
        return (
            f"; where each row is a picture in colour, save array.reshape(-1, 3, {colour}, {colour}), or "
            f"(-1, {colour}, {colour}, 3) where the colours of a pixel stand side by side"
        )
    return ""


def is_one_picture(shape: tuple[int, ...]) -> bool:
    """Whether an array can be nothing but one picture in colour, (h, w, c): a stack of so narrow ones is none."""
    return len(shape) == 3 and 1 < shape[2] <= _MOST_CHANNELS_BY_SIGHT < min(shape[:2])


def check_axes(axes: str) -> None:
    """See that a user's letters name axes.

    Raises:
        ValueError: a letter is unknown or comes twice, or height or width is missing.
    """
    if len(set(axes)) < len(axes) or not set(axes) <= set(AXES) or not {"h", "w"} <= set(axes):
        known = ", ".join(f"{letter} {word}" for letter, word in _AXIS_WORDS.items())
        raise ValueError(f"axes are letters, each once, with h and w among them ({known}), such as chw; got {axes!r}")


def arranged(array: np.ndarray, axes: str) -> np.ndarray:
    """The array as (n, t, h, w, c), as far as it has these axes; channels are one where it has none.

    Args:
        array: any array of as many dimensions as there are letters.
        axes: what each is, as :func:`guessed_axes` names them.

    Returns:
        A view.
    """
    wanted = [letter for letter in AXES if letter in axes]
    turned = array.transpose([axes.index(letter) for letter in wanted])
    return turned if "c" in axes else turned[..., np.newaxis]


def axes_words(axes: str, channels: int, *, guessed: bool) -> str:
    """How an array was read, for people; a guess that may be wrong says how to put it right."""
    words = ", ".join(_AXIS_WORDS[letter] for letter in axes)
    hint = "; --axes says otherwise" if guessed and channels > _MOST_CHANNELS_BY_SIGHT else ""
    return f"array read as {words}" + (f": {channels} channels{hint}" if "c" in axes else "")


def stored_type(array: np.ndarray, name: str) -> str:
    """The type in which an array's values are kept until those of all records are known.

    Booleans become uint8, 0 and 255; float64 becomes float32; other integers become int32, since the type that holds
    the values of one file says nothing of the next.

    Raises:
        BadInput: complex numbers, text or other types; integers too large for float32 to tell apart.
    """
    own, kind = array.dtype.name, array.dtype.kind
    if kind == "b":
        return "uint8"
    if kind not in "fiu":
        raise BadInput(f"{name}: {own} values are not pixels; save uint8, uint16, float16 or float32")
    if kind in "iu" and own not in ("uint8", "uint16") and array.size:
        low, high = int(array.min()), int(array.max())
        if max(-low, high) > _EXACT_IN_FLOAT32:
            raise BadInput(f"{name}: values from {low} to {high} are more than float32 tells apart; scale them first")
    return own if own in STORED_TYPES else "float32" if kind == "f" else "int32"


def stored_values(array: np.ndarray, name: str, target: str | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array in one of the types that data sets are stored in, and what was changed.

    Args:
        array: any.
        name: for messages.
        target: what :func:`stored_type` says of the whole stack that the array belongs to; of itself by default.

    Raises:
        BadInput: as :func:`stored_type`; NaN or infinities.
    """
    target, own = target or stored_type(array, name), array.dtype.name
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadInput(f"{name}: holds NaN or infinities; replace them first")
    if own == target:
        return array.astype(target, copy=False), ()
    if own == "bool":
        return array.astype(np.uint8) * np.uint8(_MOST_UINT8), ("bool became 0 and 255",)
    return array.astype(target), (f"{own} became {target}",)
