"""Real records: which of them, as batches, and under what hash."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator

import numpy as np

from diorama.core.contracts import Batch
from diorama.core.seeds import fold
from diorama.data.dataset import Split
from diorama.evaluation.protocol import ReferenceStamp

AT_ONCE = 64
"""Records that are read, and measured, at a time where nobody says."""

PIXELS = ("image", "video")
"""What is read of records where nothing beside their pixels is wanted: sides may be large."""


def chosen_records(split: Split, count: int | None, seed: int) -> np.ndarray:
    """Indices, ascending, of ``count`` records drawn without replacement, or of all where there are no more."""
    if count is None or count >= len(split):
        return np.arange(len(split))
    return np.sort(np.random.default_rng(fold(seed)).choice(len(split), count, replace=False))


def batches(split: Split, indices: np.ndarray, size: int, keys: Collection[str] | None = None) -> Iterator[Batch]:
    """Records of a split, ``size`` at a time, as :meth:`~diorama.data.dataset.Split.read` gives them."""
    for start in range(0, len(indices), size):
        yield split.read(indices[start : start + size], keys)


def records_stamp(split: Split, indices: np.ndarray) -> ReferenceStamp:
    """Names the data, the split and, where it is not all of it, the chosen records."""
    digest = hashlib.sha256(f"{split.info.sha256}|{split.name}|{len(split)}|".encode())
    if len(indices) < len(split):
        digest.update(indices.astype("<i8").tobytes())
    return ReferenceStamp(count=len(indices), sha256=digest.hexdigest())
