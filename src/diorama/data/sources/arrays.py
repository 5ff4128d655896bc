"""NumPy files: one record each, or stacks of many with their labels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.sources.base import Item
from diorama.data.sources.entries import Entry
from diorama.data.sources.names import stem
from diorama.data.sources.zips import BROKEN_ZIP
from diorama.media.array import (
    HEADER_BYTES,
    arranged,
    axes_words,
    guessed_axes,
    is_one_picture,
    load_array,
    read_array,
    read_header,
    stored_type,
    stored_values,
)
from diorama.media.limits import Limits

_IMAGE_KEYS = ("images", "image", "x", "data", "arr_0", "videos", "frames")
_LABEL_KEYS = ("labels", "y", "label", "targets", "target", "arr_1")
_SPLITS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}
# Unpacked arrays of a .npz lie in memory whole; .npy is mapped.
_NPZ_ENTRIES = 4


@dataclass(frozen=True)
class Stack:
    """Many records in one array, the first axis counting them.

    Args:
        array: (n, …).
        labels: a name for each, or ``None``.
        split: from the array's name in a .npz.
        notes: how its labels were read, for people.
    """

    array: np.ndarray
    labels: Sequence[str] | None = None
    split: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How an array's axes are read.

    Args:
        axes: letters of ``nthwc``, in the array's order.
        guessed: nobody said so.
    """

    axes: str
    guessed: bool

    def note(self, shape: tuple[int, ...]) -> str:
        """For people, of an array of this shape."""
        channels = shape[self.axes.index("c")] if "c" in self.axes else 1
        return axes_words(self.axes, channels, guessed=self.guessed)


def reading(shape: tuple[int, ...], dims: int, axes: str | None, path: str) -> Reading:
    """How the axes of an array are read.

    Args:
        shape: of the array.
        dims: of what it holds, as :func:`~diorama.media.array.guessed_axes` takes it.
        axes: those that the user named, with or without the records' own; ``None`` to guess.
        path: for messages.

    Raises:
        BadInput: it has other dimensions.
    """
    if axes is None:
        try:
            return Reading(guessed_axes(shape, dims), guessed=True)
        except ValueError as problem:
            raise BadInput(f"{path}: {problem}") from problem
    if len(shape) == len(axes) + 1 and "n" not in axes:
        axes = f"n{axes}"
    if len(shape) != len(axes):
        raise BadInput(f"{path}: its shape {shape} has {len(shape)} axes, --axes {axes} names {len(axes)}")
    return Reading(axes, guessed=False)


def peek_shape(entry: Entry) -> tuple[int, ...] | None:
    """The shape of a .npy by its header; ``None`` for others and for broken ones."""
    try:
        return read_header(entry.read(HEADER_BYTES), entry.path)[0]
    except BadInput:
        return None


def single_array(entry: Entry, content: bytes | None, axes: str, limits: Limits) -> np.ndarray:
    """One picture (h, w, c) or clip (t, h, w, c) from a .npy, in a stored type.

    Raises:
        BadInput: broken.
    """
    array = np.asarray(_npy(entry, content, limits))
    return stored_values(arranged(array, axes), entry.path)[0]


def stacks(entry: Entry, content: bytes | None, limits: Limits) -> list[Stack]:
    """What a .npy or .npz holds: one stack, or one for each split.

    A .npz names its pictures ``images``, ``x``, ``data`` … and its labels ``labels``, ``y``, ``targets``, each also
    with the split before or behind it (``train_images``, ``x_train``); its only array serves under any name. Arrays
    that are not read are named in a note.

    Raises:
        BadInput: broken, Python objects, or none of these names.
    """
    if not entry.path.lower().endswith(".npz"):
        return [Stack(_npy(entry, content, limits))]
    arrays = _npz(entry, content, limits)
    found: list[Stack] = []
    read: set[str] = set()
    for split in (None, *_SPLITS):
        image, label = (_key(arrays, keys, split) for keys in (_IMAGE_KEYS, _LABEL_KEYS))
        if image is None:
            continue
        read |= {image} if label is None else {image, label}
        images = arrays[image]
        count = 1 if is_one_picture(images.shape) else len(images) if images.ndim else 0
        names, notes = (None, ()) if label is None else label_names(arrays[label], count)
        found.append(Stack(images, names, split, notes))
    if not found and len(arrays) == 1:
        found = [Stack(next(iter(arrays.values())))]
    if not found:
        raise BadInput(f"{entry.path}: none of its arrays ({', '.join(arrays)}) is named {', '.join(_IMAGE_KEYS)}")
    unread = [name for name in arrays if name not in read]
    if unread and read:
        said = f"the file's other arrays ({', '.join(unread)}) were not read"
        found = [replace(stack, notes=(*stack.notes, said)) for stack in found]
    return found


def _key(arrays: Mapping[str, np.ndarray], keys: Sequence[str], split: str | None) -> str | None:
    """The first array with one of these names, in small letters or capitals, of a split or of none."""
    by_name = {name.lower(): name for name in reversed(list(arrays))}
    return next((by_name[name] for name in _of_split(keys, split) if name in by_name), None)


def _of_split(keys: Sequence[str], split: str | None) -> Sequence[str]:
    """The names of arrays of a split, or of none."""
    if split is None:
        return keys
    return [name for key in keys for word in _SPLITS[split] for name in (f"{word}_{key}", f"{key}_{word}")]


def role_of(path: str) -> tuple[str, str | None] | None:
    """What a .npy is by its name, ``images`` or ``labels``, and of which split; ``None`` where it does not say."""
    name = stem(path).lower()
    for split in (None, *_SPLITS):
        for role, keys in (("images", _IMAGE_KEYS), ("labels", _LABEL_KEYS)):
            if name in _of_split(keys, split):
                return role, split
    return None


def label_names(labels: np.ndarray, count: int) -> tuple[list[str] | None, tuple[str, ...]]:
    """A name for each record out of an array of labels, and how it was read.

    Args:
        labels: one number or word a record, whole numbers as floats too, or a one-hot row.
        count: of records.
    """
    if labels.size == count and labels.dtype.kind in "iuUb":
        return [str(label) for label in labels.reshape(-1)], ()
    if labels.size == count and labels.dtype.kind == "S":
        return [label.decode("utf-8", "replace") for label in labels.reshape(-1)], ()
    if labels.size == count and labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        return [str(int(label)) for label in labels.reshape(-1)], ("labels are whole numbers, stored as floats",)
    rows = labels.ndim == 2 and len(labels) == count
    if rows and labels.dtype.kind in "iufb" and ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all():
        return [str(label) for label in labels.argmax(1)], ("labels are one-hot rows",)
    return None, (f"labels of shape {labels.shape} and type {labels.dtype} tell no class and were left out",)


def stack_items(stack: Stack, path: str, facts: Mapping[str, str], how: Reading) -> Iterator[Item]:
    """The records of a stack.

    Args:
        stack: (n, …).
        path: the file's; the records are numbered under it.
        facts: of the file; labels and split of the stack are added.
        how: its axes are read, ``n`` among them.

    Raises:
        BadInput: a type that is no pixel's.
    """
    records = arranged(stack.array, how.axes)
    target, notes = stored_type(records, path), (how.note(stack.array.shape), *stack.notes)
    place = f"{path}/{stack.split}" if stack.split else path
    for index in range(len(records)):
        own = dict(facts) | ({"split": stack.split} if stack.split else {})
        if stack.labels is not None:
            own["label"] = stack.labels[index]
        name = f"{place}/{index:06d}"
        yield Item(name, own, "array", _load_record(records, index, name, target), notes=notes)


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
