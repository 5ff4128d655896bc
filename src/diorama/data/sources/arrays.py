"""NumPy files: one record each, or stacks of many with their labels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.sources.base import Item
from diorama.data.sources.entries import Entry
from diorama.data.sources.zips import BROKEN_ZIP
from diorama.media.array import (
    HEADER_BYTES,
    channels_last,
    load_array,
    read_array,
    read_header,
    stored_type,
    stored_values,
)
from diorama.media.limits import Limits

_IMAGE_KEYS = ("images", "x", "data", "arr_0", "videos", "frames")
_LABEL_KEYS = ("labels", "y", "label", "arr_1")
_SPLITS = ("train", "val", "test")
# Unpacked arrays of a .npz lie in memory whole; .npy is mapped.
_NPZ_ENTRIES = 4


@dataclass(frozen=True)
class Stack:
    """Many records in one array, the first axis counting them.

    Args:
        array: (n, …).
        labels: (n,) or ``None``.
        split: from the array's name in a .npz.
    """

    array: np.ndarray
    labels: np.ndarray | None = None
    split: str | None = None


def peek_dims(entry: Entry) -> int | None:
    """Dimensions of a .npy by its header; ``None`` for others and for broken ones."""
    try:
        return len(read_header(entry.read(HEADER_BYTES), entry.path)[0])
    except BadInput:
        return None


def single_array(entry: Entry, content: bytes | None, dims: int, limits: Limits) -> np.ndarray:
    """One picture (h, w, c) or clip (t, h, w, c) from a .npy, in a stored type.

    Raises:
        BadInput: broken, or of other dimensions.
    """
    array = _npy(entry, content, limits)
    try:
        pixels, _ = channels_last(np.asarray(array), dims)
    except ValueError as problem:
        raise BadInput(f"{entry.path}: {problem}") from problem
    return stored_values(pixels, entry.path)[0]


def stacks(entry: Entry, content: bytes | None, limits: Limits) -> list[Stack]:
    """What a .npy or .npz holds: one stack, or one for each split.

    A .npz names its pictures ``images``, ``x``, ``data`` … and its labels ``labels`` or ``y``, each also with
    ``train_``, ``val_`` and ``test_`` before it; its only array serves under any name.

    Raises:
        BadInput: broken, Python objects, or none of these names.
    """
    if not entry.path.lower().endswith(".npz"):
        return [Stack(_npy(entry, content, limits))]
    arrays = _npz(entry, content, limits)
    found = []
    for split in (None, *_SPLITS):
        prefix = f"{split}_" if split else ""
        images = next((arrays[prefix + key] for key in _IMAGE_KEYS if prefix + key in arrays), None)
        labels = next((arrays[prefix + key] for key in _LABEL_KEYS if prefix + key in arrays), None)
        if images is not None:
            # Labels of another number or type are something else of that name.
            fits = labels is not None and images.shape[:1] == (labels.size,) and labels.dtype.kind in "iuUb"
            found.append(Stack(images, labels.reshape(-1) if fits and labels is not None else None, split))
    if not found and len(arrays) == 1:
        found = [Stack(next(iter(arrays.values())))]
    if not found:
        raise BadInput(f"{entry.path}: none of its arrays ({', '.join(arrays)}) is named {', '.join(_IMAGE_KEYS)}")
    return found


def stack_items(stack: Stack, path: str, facts: Mapping[str, str], dims: int) -> Iterator[Item]:
    """The records of a stack.

    Args:
        stack: (n, …).
        path: the file's; the records are numbered under it.
        facts: of the file; labels and split of the stack are added.
        dims: 3 for pictures, 4 for clips.

    Raises:
        BadInput: other dimensions, or a type that is no pixel's.
    """
    try:
        records, _ = channels_last(stack.array, dims + 1)
    except ValueError as problem:
        raise BadInput(f"{path}: {problem}") from problem
    target = stored_type(records, path)
    place = f"{path}/{stack.split}" if stack.split else path
    for index in range(len(records)):
        own = dict(facts) | ({"split": stack.split} if stack.split else {})
        if stack.labels is not None:
            own["label"] = str(stack.labels[index])
        name = f"{place}/{index:06d}"
        yield Item(name, own, "array", _load_record(records, index, name, target))


def _load_record(records: np.ndarray, index: int, name: str, target: str) -> Callable[[], np.ndarray]:
    return lambda: stored_values(np.asarray(records[index]), name, target)[0]


def _npy(entry: Entry, content: bytes | None, limits: Limits) -> np.ndarray:
    # On disk an array is mapped, and only the records that are read are in memory.
    if entry.file is None:
        return read_array(entry.content(limits) if content is None else content, entry.path, limits)
    read_header(entry.read(HEADER_BYTES), entry.path)
    return load_array(entry.file, entry.path)


def _npz(entry: Entry, content: bytes | None, limits: Limits) -> dict[str, np.ndarray]:
    source: Path | io.BytesIO = entry.file or io.BytesIO(entry.content(limits) if content is None else content)
    arrays = {}
    try:
        with zipfile.ZipFile(source) as archive:
            infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if sum(info.file_size for info in infos) > _NPZ_ENTRIES * limits.entry_bytes:
                raise BadInput(f"{entry.path}: unpacks to too much for memory; save the arrays as .npy files")
            for info in infos:
                name = info.filename.removesuffix(".npy")
                arrays[name] = read_array(archive.read(info), f"{entry.path}:{name}", limits)
    except BROKEN_ZIP as problem:
        raise BadInput(f"{entry.path}: broken or truncated ({problem})") from problem
    return arrays
