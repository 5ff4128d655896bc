"""Arrays of pictures and of labels that lie beside each other: ``images.npy`` and ``labels.npy``, ``x_train.npy`` …"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.sources.arrays import Stack, label_names, peek_shape, role_of
from diorama.data.sources.entries import Entry
from diorama.data.sources.names import parent
from diorama.media.array import read_array
from diorama.media.limits import Limits

_MOST_LABEL_DIMS, _FLAT_DIMS, _MOST_BYTES = 2, 2, 64 << 20


_Key = tuple[str, str | None]
"""Folder, and the split of its name."""


@dataclass(frozen=True)
class NamedStacks:
    """Files that are stacks of pictures by their names.

    Args:
        splits: by path, the split of its name.
        labels: by path, the labels that lie beside it.
        label_files: paths of these labels, which are no records.
        flat: paths of stacks with a row of values for each picture, whose size nobody says.
    """

    splits: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    label_files: frozenset[str] = frozenset()
    flat: frozenset[str] = frozenset()

    def stack(self, path: str, stack: Stack) -> Stack:
        """The stack in such a file, with its split and its labels."""
        labels = self.labels.get(path)
        names, notes = (None, ()) if labels is None else label_names(labels, len(stack.array))
        return Stack(stack.array, names, self.splits[path], (*stack.notes, *notes))


class ArrayFiles:
    """Gathers arrays whose names say what they are, while a container passes by."""

    def __init__(self) -> None:
        self._images: dict[_Key, tuple[str, int]] = {}
        self._flat: dict[_Key, tuple[str, int]] = {}
        self._labels: dict[_Key, tuple[str, np.ndarray]] = {}

    def add(self, entry: Entry, limits: Limits) -> None:
        """Remember an array of pictures, or keep an array of labels."""
        role = role_of(entry.path) if entry.path.lower().endswith(".npy") else None
        shape = peek_shape(entry) if role is not None else None
        if role is None or not shape:
            return
        key = (parent(entry.path), role[1])
        if role[0] == "images" and len(shape) > _MOST_LABEL_DIMS:
            self._images[key] = entry.path, shape[0]
        elif role[0] == "images" and len(shape) == _FLAT_DIMS:
            self._flat[key] = entry.path, shape[0]
        elif role[0] == "labels" and len(shape) <= _MOST_LABEL_DIMS and entry.size <= _MOST_BYTES:
            try:
                self._labels[key] = entry.path, read_array(entry.content(limits), entry.path, limits)
            except BadInput:
                return  # the reading that follows meets it again and says so

    def stacks(self) -> NamedStacks:
        """Those that name a split, or have as many labels beside them as they hold pictures."""
        pairs = {
            path: self._labels[key] for key, (path, _) in self._images.items() if self._labelled(key, self._images)
        }
        flat = {p for key, (p, _) in self._flat.items() if key[1] is not None or self._labelled(key, self._flat)}
        splits = {path: key[1] for key, (path, _) in self._images.items() if key[1] is not None or path in pairs}
        labels = {path: array for path, (_, array) in pairs.items()}
        return NamedStacks(splits, labels, frozenset(place for place, _ in pairs.values()), frozenset(flat))

    def _labelled(self, key: _Key, of: Mapping[_Key, tuple[str, int]]) -> bool:
        """Whether labels lie beside an array, one for each of its records."""
        return key in self._labels and len(self._labels[key][1]) == of[key][1]
