"""Sets that fit stay on the device, in the units they are stored in; a batch is then a selection there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diorama.core.contracts import Batch, SideSpec
from diorama.data.dataset import Split
from diorama.data.gather import Wanted
from diorama.data.schedule import Chosen
from diorama.data.side_values import Side

RESIDENT_SHARE = 0.25
"""A set stays on the device when it needs at most this share of the memory that is free there."""

_MOVED_AT_ONCE = 4096
_Read = Callable[[NDArray[np.int64]], NDArray[Any]]


def fits(splits: Sequence[Split], wanted: Wanted, device: torch.device) -> bool:
    """Whether what is wanted of splits is to stay on the device: a CUDA device with room to spare."""
    if device.type != "cuda":
        return False
    needed = sum(split.nbytes for split in splits) if wanted.pixels else 0
    needed += sum(split.sides[spec.key].nbytes for split in splits for spec in wanted.sides if not spec.unpaired)
    if any(spec.unpaired for spec in wanted.sides):
        needed += sum(split.second.nbytes for split in splits if split.second is not None)
    return needed <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]


class Resident:
    """What is wanted of all records of some splits, one tensor each, in stored units, on the device.

    Args:
        splits: whose records.
        wanted: what is kept of them.
        device: where.
    """

    def __init__(self, splits: Sequence[Split], wanted: Wanted, device: torch.device) -> None:
        self.splits, self.wanted, self.device = splits, wanted, device
        counts = [len(split) for split in splits]
        self._starts = np.cumsum([0, *counts])[:-1]
        self._index = torch.cat([torch.arange(count) for count in counts]).to(device)
        self._kept: dict[str, Tensor] = {}
        if wanted.pixels:
            self._kept[wanted.media.kind] = self._moved([(len(s), s.stored) for s in splits])
        if wanted.labels:
            found = [split.labels(np.arange(len(split))) for split in splits]
            labels = np.concatenate([own for own in found if own is not None])
            self._kept["label"] = torch.from_numpy(labels).to(device)
        self._firsts = {spec.key: self._keep_side(spec) for spec in wanted.sides}

    def __call__(self, chosen: Chosen) -> Batch:
        """As :class:`diorama.data.gather.FromFiles`, on the device."""
        records = self._starts[chosen.sets] + chosen.records  # (n,) among those of all splits
        places = self._sent(records)
        batch = {"index": self._index[places]}
        batch |= {key: self._kept[key][places] for key in (self.wanted.media.kind, "label") if key in self._kept}
        for spec in self.wanted.sides:
            # Which value is worked out on the host, where the counts are; only its number is sent.
            if spec.unpaired:
                numbers = self._firsts[spec.key][chosen.sets] + chosen.unpaired
            else:
                numbers = self._firsts[spec.key][records] + self._alternatives(spec, chosen)
            batch[spec.key] = self._kept[spec.key][self._sent(numbers)]
        pictures = {spec.key: spec.unpaired for spec in self.wanted.sides if spec.kind == "picture"}
        pictures |= {self.wanted.media.kind: False} if self.wanted.pixels else {}
        for key, unpaired in pictures.items():
            flips = chosen.unpaired_mirrored if unpaired else chosen.mirrored
            if flips.any():
                stored = batch[key]  # (n, h, w, c) or (n, t, h, w, c)
                mirrored = self._sent(flips).view(-1, *[1] * (stored.ndim - 1))
                batch[key] = torch.where(mirrored, stored.flip(-2), stored)
        return batch

    def _keep_side(self, spec: SideSpec) -> NDArray[np.int64]:
        """Move all values of a side, padded; gives the place of every record's first one, (records,).

        Of second sets, the place of the first record of each, (sets,).
        """
        if spec.unpaired:
            seconds = [split.second for split in self.splits if split.second is not None]
            self._kept[spec.key] = self._moved([(len(second), second.stored) for second in seconds])
            return _before(np.array([len(second) for second in seconds]))
        longest = spec.shape[0] if spec.ragged else None
        parts: list[tuple[int, _Read]] = []
        for split in self.splits:
            side = split.sides[spec.key]
            # The files are shared with other splits, whose values stay where they are.
            own = np.repeat(side.firsts - _before(side.counts), side.counts) + np.arange(side.counts.sum())
            parts.append((len(own), partial(_values_at, side, own, longest)))
        self._kept[spec.key] = self._moved(parts)
        return _before(np.concatenate([split.sides[spec.key].counts for split in self.splits]))

    def _alternatives(self, spec: SideSpec, chosen: Chosen) -> NDArray[np.int64]:
        if len(self.splits) == 1:
            return self.splits[0].sides[spec.key].alternatives(chosen.records, chosen.picks, chosen.mirrored)
        found = np.empty(len(chosen), np.int64)
        for number, split in enumerate(self.splits):
            here = np.flatnonzero(chosen.sets == number)
            part = chosen.at(here)
            found[here] = split.sides[spec.key].alternatives(part.records, part.picks, part.mirrored)
        return found

    def _moved(self, parts: Sequence[tuple[int, _Read]]) -> Tensor:
        """What several readers give for 0 … count - 1, one after another, on the device."""
        kept, place = torch.empty(0), 0
        for count, read in parts:
            # In parts, so that a set is never whole in the host's memory.
            for start in range(0, count, _MOVED_AT_ONCE):
                part = torch.from_numpy(read(np.arange(start, min(start + _MOVED_AT_ONCE, count))))
                if not place:
                    whole = (sum(count for count, _ in parts), *part.shape[1:])
                    kept = torch.empty(whole, dtype=part.dtype, device=self.device)
                kept[place : place + len(part)] = part
                place += len(part)
        return kept

    def _sent(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device, non_blocking=True)


def _values_at(side: Side, numbers: NDArray[np.int64], longest: int | None, places: NDArray[np.int64]) -> NDArray[Any]:
    return side.stored(numbers[places], longest)


def _before(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the sum of all counts before each."""
    return np.cumsum(counts) - counts
