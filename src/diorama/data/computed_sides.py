"""Sides that a trained network computes of the records, once: a codec's latents, a text encoder's features."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diorama.core import distributed
from diorama.core.contracts import SideSpec
from diorama.core.errors import BadConfig
from diorama.data.dataset import Split
from diorama.data.side_values import as_batch
from diorama.data.sides import MANIFEST, open_side, side_name, writing_side
from diorama.data.training_sets import TrainingData

_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class ComputedSide:
    """How a side is computed.

    Args:
        spec: of the side; how many alternatives there are, and whether of mirrored records too, is found out.
        of: key of what it is computed of: ``image``, ``video`` or a side.
        encoder: name of the frozen part that computes it.
        encode: (n, *shape of ``of``) as a batch has it -> (n, *spec.shape).
    """

    spec: SideSpec
    of: str
    encoder: str
    encode: Callable[[Tensor], Tensor]


class Computed(NamedTuple):
    """How far computing is: records done, and of how many."""

    done: int
    total: int


class SideCache:
    """The sides of a training's records that frozen parts compute, each in a folder of its own.

    Args:
        data: the sets.
        sides: what is computed of the training records of all of them.
        encoders: SHA-256 of the frozen parts by name.
        flip: records will be read mirrored at random: pictures are encoded both ways.
        cache: where the folders are.

    Raises:
        BadConfig: the records have a side of that key already.
    """

    def __init__(
        self, data: TrainingData, sides: Sequence[ComputedSide], encoders: Mapping[str, str], *, flip: bool, cache: Path
    ) -> None:
        self.data = data
        self._jobs = [
            _Job.of(split, side, encoders[side.encoder], flip=flip, cache=cache)
            for split, _ in data.train
            for side in sides
        ]

    def compute(self, device: torch.device) -> Iterator[Computed]:
        """Compute what is not there yet, in the first process; what was left unfinished is gone on with.

        Yields:
            Progress after each batch.

        Raises:
            BadInput: another process is computing it, or it cannot be written.
        """
        missing = [job for job in self._jobs if not job.is_done()]
        before, total = 0, sum(len(job.split) for job in missing)
        for job in missing if distributed.is_first() else ():
            for done in job.compute(device):
                yield Computed(before + done, total)
            before += len(job.split)
        distributed.barrier()

    def opened(self) -> TrainingData:
        """The data with the computed sides."""
        jobs = iter(self._jobs)
        per_split = len(self._jobs) // len(self.data.train)
        train = []
        for split, weight in self.data.train:
            for job in islice(jobs, per_split):
                split = split.with_side(open_side(job.folder, job.split, job.encoder_sha256))
            train.append((split, weight))
        return replace(self.data, train=tuple(train))


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One side of one split."""

    split: Split
    side: ComputedSide
    spec: SideSpec
    encoder_sha256: str
    folder: Path

    @staticmethod
    def of(split: Split, side: ComputedSide, encoder_sha256: str, *, flip: bool, cache: Path) -> _Job:
        if side.spec.key in split.sides:
            raise BadConfig(
                f"precompute: the records of {split.info.name} have {side.spec.key} already, and it may be another's"
            )
        spec = replace(side.spec, mirrored=flip and _is_picture(split, side.of))
        encoder = hashlib.sha256(f"{encoder_sha256} of {side.of}".encode()).hexdigest()
        folder = cache / side_name(split, spec, encoder)
        return _Job(split=split, side=side, spec=spec, encoder_sha256=encoder, folder=folder)

    def is_done(self) -> bool:
        return (self.folder / MANIFEST).is_file()

    def compute(self, device: torch.device) -> Iterator[int]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        encoded = _Encoded(self.split, self.side, device, mirrored=self.spec.mirrored)
        return writing_side(self.folder, self.split, self.spec, encoded, self.encoder_sha256)


def _is_picture(split: Split, key: str) -> bool:
    """Whether what lies under a key has a mirror image."""
    return key not in split.sides or split.sides[key].spec.kind == "picture"


@dataclass(frozen=True)
class _Encoded:
    """``encoded(first)``: what records ``first``, ``first + 1`` … have, a batch at a time."""

    split: Split
    side: ComputedSide
    device: torch.device
    mirrored: bool

    def __call__(self, first: int) -> Iterator[Sequence[NDArray[Any]]]:
        for place in range(first, len(self.split), _BATCH):
            yield self._some(np.arange(place, min(place + _BATCH, len(self.split))))

    @torch.no_grad()
    def _some(self, indices: NDArray[np.int64]) -> list[NDArray[Any]]:
        """All alternatives of some records, (k, *spec.shape) of each; those of the mirrored record come last."""
        given, counts = self._given(indices)
        given = given.to(self.device)
        made = self.side.encode(given).float().cpu().numpy()
        ends = np.cumsum(counts)[:-1]
        plain = np.split(made, ends)
        if not self.mirrored:
            return plain
        mirrored = np.split(self.side.encode(given.flip(-1)).float().cpu().numpy(), ends)
        return [np.concatenate(both) for both in zip(plain, mirrored, strict=True)]

    def _given(self, indices: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int64]]:
        """What the side is computed of, (sum of counts, *shape), and how many alternatives each record has of it."""
        if self.side.of not in self.split.sides:
            return self.split.read(indices, (self.side.of,))[self.side.of], np.ones(len(indices), np.int64)
        source = self.split.sides[self.side.of]
        counts = source.counts[indices]
        # The alternatives of a record lie one after another.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        numbers = np.repeat(source.firsts[indices], counts) + within
        return as_batch(torch.from_numpy(source.stored(numbers)), source.spec), counts
