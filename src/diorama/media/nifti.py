"""NIfTI volumes, slice by slice."""

from __future__ import annotations

import gzip
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.media.array import stored_values
from diorama.media.kinds import GZIP, nifti_version
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.volume import Volume, Window, check_size, guarded, is_identity, rescaled

_HEAD_BYTES = 1_024
_LEAST_AXES, _MOST_AXES = 2, 4
_COLOUR = ("R", "G", "B")
_WHAT = "NIfTI file"


def read_nifti(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Volume:
    """The slices of a volume along its third axis, at the times of its fourth.

    The first axis of the file becomes the rows of a slice, the second its columns, as nibabel's arrays have them:
    nothing is turned. ``scl_slope`` and ``scl_inter`` are applied; ``cal_min`` and ``cal_max`` are the window. Of the
    header nothing else is kept.

    Args:
        content: a .nii, or one packed with gzip.
        name: what messages call it.
        limits: checked against the header before anything is unpacked.

    Raises:
        BadInput: broken, truncated, too large, of other axes or values; nibabel is not there.
    """
    try:
        import nibabel
    except ImportError:
        raise BadInput(f"{name}: a NIfTI volume; `pip install 'diorama[medical]'` reads it") from None
    with guarded(name, _WHAT):
        head = _beginning(content, _HEAD_BYTES)
        version = nifti_version(head)
        if version is None:
            raise BadInput(f"{name}: not a {_WHAT}")
        layout = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
        header = layout.from_fileobj(io.BytesIO(head), check=False)
        shape = tuple(int(length) for length in header.get_data_shape())
        dtype, start = header.get_data_dtype(), int(header.get_data_offset())
        said = header.get_slope_inter()
        slope, intercept = 1.0 if said[0] is None else float(said[0]), float(said[1] or 0)
        window, axes = _window(header), _axes(nibabel, header)
    while len(shape) > _LEAST_AXES and shape[-1] == 1:
        shape = shape[:-1]
    if not _LEAST_AXES <= len(shape) <= _MOST_AXES:
        raise BadInput(f"{name}: a NIfTI volume of {len(shape)} axes, {shape}; two to four are read")
    height, width, slices, times = (*shape, 1, 1)[:4]
    check_size(height, width, slices * times, name, limits)
    if dtype.kind not in "iuf" and dtype.names != _COLOUR:
        raise BadInput(f"{name}: a NIfTI volume whose values are neither numbers nor RGB; save it as float32")
    with guarded(name, _WHAT):
        values = _values(content, dtype, (height, width, slices, times), start)
    notes = [f"slices along the third axis{axes}"] if slices > 1 else []
    if not is_identity(slope, intercept):
        notes.append("stored values became the file's units by its slope and intercept")

    def read(index: int, time: int) -> NDArray[Any]:
        plane = values[:, :, index, time]
        if dtype.names is not None:
            return np.stack([plane[channel] for channel in _COLOUR], axis=-1)
        return stored_values(rescaled(plane, slope, intercept)[..., np.newaxis], name)[0]

    return Volume(slices, times, read, (window,) * slices, f"file {name}", tuple(notes))


def _beginning(content: bytes, size: int) -> bytes:
    """So many bytes of the file, unpacked."""
    if not content.startswith(GZIP):
        return content[:size]
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        parts: list[bytes] = []
        # A file that is cut off still gives its beginning, and a reader asked for all of it would not.
        while size > 0:
            try:
                part = file.read(min(size, 1 << 20))
            except EOFError:
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
    return b"".join(parts)


def _values(content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], start: int) -> NDArray[Any]:
    """The stored values, with the file's first axis running fastest; raises ValueError where some are missing."""
    if start < 0:
        raise ValueError("values before the file")
    end = start + math.prod(shape) * dtype.itemsize
    unpacked = _beginning(content, end) if content.startswith(GZIP) else content
    return np.frombuffer(unpacked, dtype, math.prod(shape), start).reshape(shape, order="F")


def _window(header: Any) -> Window | None:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    return (low, high) if math.isfinite(low) and math.isfinite(high) and high > low else None


def _axes(nibabel: Any, header: Any) -> str:
    """Where the axes point to in the patient, where the file says so."""
    try:
        letters = nibabel.aff2axcodes(header.get_best_affine())
    except Exception:  # a broken orientation says nothing about the values
        return ""
    return "" if None in letters else f", axes pointing to {''.join(letters)}"
