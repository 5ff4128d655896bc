"""What the files of medical scanners hold: slices in the units that were measured, and the window to see them in."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.media.limits import Limits

Window = tuple[float, float]
"""The lowest and the highest value that are shown apart."""

_EXACT = 1 << 24


@dataclass(frozen=True)
class Volume:
    """Slices of one file, perhaps at several times.

    Args:
        slices: how many.
        times: how often each of them was taken.
        read: the slice and the time of these numbers, (h, w, c) in stored units; raises BadInput where its values are
            no pixels.
        windows: of each slice; ``None`` where the file states none.
        group: equal for all that was taken of one patient, as far as the file says. It may hold what the header says
            of a person: it stays in memory and is never written.
        notes: how it was read, a few words each.
    """

    slices: int
    times: int
    read: Callable[[int, int], NDArray[np.generic]]
    windows: tuple[Window | None, ...]
    group: str
    notes: tuple[str, ...] = ()


@contextmanager
def guarded(name: str, what: str) -> Iterator[None]:
    """Whatever a reader raises on hostile bytes becomes BadInput; what it merely warns of is dropped.

    Args:
        name: of the file.
        what: it should be.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except BadInput:
            raise
        except Exception:
            # Readers quote what they stumble over, and that may be the name of a patient.
            raise BadInput(f"{name}: broken or truncated {what}") from None


def check_size(height: int, width: int, pictures: int, name: str, limits: Limits) -> None:
    """Refuse a file whose header declares no pixels, or more than allowed.

    Args:
        height: of one slice.
        width: of one slice.
        pictures: slices at all times.
        name: of the file.
        limits: what it may cost.
    """
    if min(height, width, pictures) < 1:
        raise BadInput(f"{name}: its header declares {pictures} slices of {width} x {height} pixels")
    if height * width > limits.pixels:
        raise BadInput(f"{name}: {width} x {height} pixels are more than {limits.pixels}; make it smaller first")
    if pictures > 1 and pictures * height * width > limits.stack_pixels:
        raise BadInput(f"{name}: {pictures} slices of {width} x {height} are more than {limits.stack_pixels} pixels")


def is_identity(slope: float, intercept: float) -> bool:
    """Whether stored values are in their units already."""
    return slope == 1 and intercept == 0


def rescaled(values: NDArray[np.generic], slope: float, intercept: float) -> NDArray[np.generic]:
    """``slope * values + intercept``: the values themselves where that changes nothing, integers where that is exact.

    Args:
        values: any shape.
        slope: factor.
        intercept: summand.
    """
    if is_identity(slope, intercept):
        return values
    whole = all(float(number).is_integer() and abs(number) <= _EXACT for number in (slope, intercept))
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 4 and whole:
        return values.astype(np.int64) * int(slope) + int(intercept)
    return values.astype(np.float64) * slope + intercept
