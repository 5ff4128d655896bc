"""Medical files as records: each slice a picture, or, where clips are wanted, a stack of slices a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.data.sources.base import Item, Scan
from diorama.data.sources.entries import Entry
from diorama.media.dicom import read_dicom
from diorama.media.kinds import HEAD_BYTES, nifti_version
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.nifti import read_nifti
from diorama.media.volume import Volume

_NIFTI = (".nii", ".nii.gz")


def volume_items(entry: Entry, facts: Mapping[str, str], limits: Limits, *, clips: bool) -> Iterator[Item]:
    """The records of a DICOM or NIfTI file.

    Pictures are the slices, at each time that they were taken. Clips are all times of each slice; where there is one
    time only, the one clip runs through the slices.

    Args:
        entry: the file.
        facts: of the file.
        limits: what it may cost.
        clips: whether clips are wanted.

    Raises:
        BadInput: no picture, broken, too large, or one slice where clips are wanted.
    """
    volume = read_volume(entry.content(limits), entry.path, limits)
    if clips and volume.slices * volume.times == 1:
        raise BadInput(f"{entry.path}: a single picture where clips are wanted")
    for path, load, windows in (_clips if clips else _pictures)(volume, entry.path):
        window = windows[0] if len(set(windows)) == 1 else None
        yield Item(path, facts, "array", load, notes=volume.notes, scan=Scan(volume.group, window))


def read_volume(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Volume:
    """The slices of a DICOM or NIfTI file.

    Args:
        content: the file.
        name: of it, for messages; its suffix counts where its content says nothing.
        limits: what it may cost.

    Raises:
        BadInput: no picture, broken or too large.
    """
    named = name.lower().endswith(_NIFTI)
    read = read_nifti if named or nifti_version(content[:HEAD_BYTES]) is not None else read_dicom
    return read(content, name, limits)


_Record = tuple[str, Callable[[], NDArray[Any]], tuple[Any, ...]]
"""Its path, its pixels and the windows of its slices."""


def _pictures(volume: Volume, path: str) -> Iterator[_Record]:
    for time in range(volume.times):
        for index in range(volume.slices):
            numbers = [f"{time:06d}"] if volume.times > 1 else []
            numbers += [f"{index:06d}"] if volume.slices > 1 else []
            place = "/".join((path, *numbers))
            yield place, partial(volume.read, index, time), volume.windows[index : index + 1]


def _clips(volume: Volume, path: str) -> Iterator[_Record]:
    if volume.times == 1:
        places = [(index, 0) for index in range(volume.slices)]
        yield path, partial(_stacked, volume, places), volume.windows
        return
    for index in range(volume.slices):
        place = f"{path}/{index:06d}" if volume.slices > 1 else path
        places = [(index, time) for time in range(volume.times)]
        yield place, partial(_stacked, volume, places), volume.windows[index : index + 1]


def _stacked(volume: Volume, places: list[tuple[int, int]]) -> NDArray[Any]:
    """(t, h, w, c): slices of several types, as some scanners scale each by itself, become float32."""
    frames = [volume.read(index, time) for index, time in places]
    several = len({frame.dtype for frame in frames}) > 1
    return np.stack([frame.astype(np.float32) for frame in frames] if several else frames)
