"""Batches by step: what a rank trains on is a function of (seed, step), whatever the number of processes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from diorama.core.contracts import Batch
from diorama.core.errors import BadConfig
from diorama.data.dataset import Split
from diorama.data.gather import FromFiles, wanted_of
from diorama.data.resident import Resident, fits
from diorama.data.schedule import Chosen, Schedule

_THREADS = 2


@dataclass(frozen=True, kw_only=True)
class LoaderConfig:
    """How batches are drawn.

    Args:
        batch_size: records of one step over all processes.
        micro_batch: records of one forward pass; ``None`` for a process's whole share at once.
        seed: of order, mixture, mirroring and which of several captions is read.
        rank: of this process.
        world_size: processes; must divide ``batch_size``.
        flip: mirror every other record left to right, at random, its partner with it; one of a second set by itself.
        resident: keep the records, in stored units, on the device; ``None`` where they fit.
        keys: what a batch is to hold beside ``index``: ``image`` or ``video``, ``label``, or a side's key. What is not
            wanted is not read. ``None`` for all that the sets have in common.
        workers: threads that read ahead; 0 reads when asked. ``None`` is 0 where records are raw and batches stay on
            the CPU, since handing over would cost more than reading, else 2.
    """

    batch_size: int
    micro_batch: int | None = None
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    flip: bool = False
    resident: bool | None = None
    keys: tuple[str, ...] | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.batch_size % self.world_size:
            raise ValueError(f"batch_size {self.batch_size} must be a positive multiple of {self.world_size} processes")
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f"rank must be in [0, {self.world_size}), got {self.rank}")
        if self.micro_batch is not None and self.micro_batch < 1:
            raise ValueError(f"micro_batch must be at least 1, got {self.micro_batch}")


class Loader:
    """``loader(step)`` gives this process's micro-batches of that step, on the device.

    The union over the processes of a step is the same for any number of processes, so a run may be resumed by
    more or fewer of them. Steps may be asked for in any order; asking in rising order finds the next ones read
    ahead.

    Args:
        splits: what to read, with weights; all must hold the same kind of record.
        config: how.
        device: where batches are wanted.

    Raises:
        BadInput: a split is empty, the splits hold different kinds of record, or not what is wanted of them.
        BadConfig: pictures are to be mirrored, and their latents are only there as they are.
    """

    def __init__(self, splits: Sequence[tuple[Split, float]], config: LoaderConfig, device: torch.device | str) -> None:
        self.config, self.device = config, torch.device(device)
        self.splits = [split for split, _ in splits]
        self.wanted = wanted_of(self.splits, config.keys)
        if config.flip and any(spec.key == "latent" and not spec.mirrored for spec in self.wanted.sides):
            raise BadConfig("flip: there are no latents of the mirrored pictures; store them too, or do not mirror")
        counts, weights = [len(split) for split in self.splits], [weight for _, weight in splits]
        seconds = [0 if split.second is None else len(split.second) for split in self.splits]
        self._schedule = Schedule(counts, weights, config.seed, config.flip, seconds)
        # What fits stays on the device: a batch then costs no reading and no sending.
        keep = fits(self.splits, self.wanted, self.device) if config.resident is None else config.resident
        self._resident = Resident(self.splits, self.wanted, self.device) if keep else None
        self._from_files = FromFiles(self.splits, self.wanted)
        self._readers: ThreadPoolExecutor | None = None
        direct = self.device.type == "cpu" and all(split.raw for split in self.splits)
        self._workers = (0 if direct else _THREADS) if config.workers is None else config.workers
        if self._workers and self._resident is None:
            self._readers = ThreadPoolExecutor(self._workers, thread_name_prefix="diorama-read")
        self._ahead: dict[int, Future[list[Batch]]] = {}

    def __call__(self, step: int) -> Sequence[Batch]:
        """The micro-batches of one step: ``image`` or ``video`` float32 in [-1, 1], ``label``, sides, ``index``."""
        if self._resident is not None:
            return [self.wanted.finished(self._resident(chosen)) for chosen in self._plan(step)]
        if self._readers is None:
            return [self._moved(batch) for batch in self._read(step)]
        future = self._ahead.pop(step, None) or self._readers.submit(self._read, step)
        # Two steps for every thread: while one is handed out, each has the next to go on with. After a jump to
        # another step what was read ahead is let go.
        wanted = range(step + 1, step + 1 + 2 * self._workers)
        for stale in set(self._ahead) - set(wanted):
            self._ahead.pop(stale).cancel()
        for later in wanted:
            if later not in self._ahead:
                self._ahead[later] = self._readers.submit(self._read, later)
        return [self._moved(batch) for batch in future.result()]

    def preview(self, count: int) -> Batch:
        """The first records of the sets in stored order, unmirrored, with their first captions: always the same."""
        shares = np.array_split(np.arange(count), len(self.splits))
        parts = []
        for number, (split, share) in enumerate(zip(self.splits, shares, strict=True)):
            places, none = np.arange(len(share)), np.zeros(len(share))
            unpaired = places % (1 if split.second is None else len(split.second))
            unmirrored, sets = none.astype(bool), np.full(len(share), number)
            parts.append(Chosen(sets, places % len(split), unmirrored, none, unpaired, unmirrored))
        return self._moved(self._gathered(Chosen.joined(parts)))

    def close(self) -> None:
        """Stop reading ahead."""
        for future in self._ahead.values():
            future.cancel()
        self._ahead.clear()
        if self._readers is not None:
            self._readers.shutdown(wait=True)

    def _plan(self, step: int) -> list[Chosen]:
        """What this process's micro-batches of a step hold."""
        c = self.config
        share = c.batch_size // c.world_size
        chosen = self._schedule.at(step * c.batch_size + c.rank * share, share)
        size = c.micro_batch or share
        return [chosen.part(i, i + size) for i in range(0, share, size)]

    def _read(self, step: int) -> list[Batch]:
        return [self._gathered(chosen) for chosen in self._plan(step)]

    def _gathered(self, chosen: Chosen) -> Batch:
        """A batch on the host; for a GPU pinned and in stored units, which are smaller to send."""
        stored = self._from_files(chosen)
        if self.device.type == "cuda":
            return {name: value.pin_memory() for name, value in stored.items()}
        return self.wanted.finished(stored)

    def _moved(self, batch: Batch) -> Batch:
        """A batch on the device, in the units of batches."""
        moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        return self.wanted.finished(moved) if self.device.type == "cuda" else moved
