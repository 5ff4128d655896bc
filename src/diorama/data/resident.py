"""Sets that fit stay on the device, in the units they are stored in; a batch is then a selection there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from diorama.data.dataset import Split
from diorama.data.schedule import Chosen

RESIDENT_SHARE = 0.25
"""A set stays on the device when it needs at most this share of the memory that is free there."""

_MOVED_AT_ONCE = 4096


def fits(splits: Sequence[Split], device: torch.device) -> bool:
    """Whether splits are to stay on the device: a CUDA device with room to spare."""
    if device.type != "cuda":
        return False
    return sum(split.nbytes for split in splits) <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]


class Resident:
    """All records of some splits as one tensor each, in stored units, on the device.

    Args:
        splits: what to keep; records of one shape and type.
        device: where.
    """

    def __init__(self, splits: Sequence[Split], device: torch.device) -> None:
        self.device = device
        self._starts = np.cumsum([0, *(len(split) for split in splits)])[:-1]
        media, shape = splits[0].info.media, splits[0].record_shape
        count = sum(len(split) for split in splits)
        self._records = torch.empty((count, *shape), dtype=getattr(torch, media.dtype), device=device)
        place = 0
        for split in splits:
            for start in range(0, len(split), _MOVED_AT_ONCE):
                part = split.stored(np.arange(start, min(start + _MOVED_AT_ONCE, len(split))))
                self._records[place : place + len(part)] = torch.from_numpy(part)
                place += len(part)

    def gather(self, chosen: Chosen) -> Tensor:
        """(n, h, w, c) or (n, t, h, w, c) in stored units, mirrored where chosen."""
        places = torch.from_numpy(self._starts[chosen.sets] + chosen.records).to(self.device, non_blocking=True)
        stored = self._records[places]
        if chosen.mirrored.any():
            mirrored = torch.from_numpy(chosen.mirrored).to(self.device, non_blocking=True)
            stored = torch.where(mirrored.view(-1, *[1] * (stored.ndim - 1)), stored.flip(-2), stored)
        return stored
