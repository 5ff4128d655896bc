"""Drawing many samples in memory: the one way in which files, previews, measurements and comparisons are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch
from diorama.synthesis.base import AS_TRAINED, Sampling, Synthesizer
from diorama.synthesis.conditions import NOTHING, SampleConditions

EXACT_BATCH = 8
"""Samples of one forward pass under ``exact``; always as many, always cut at the same indices."""

_MOST_AT_ONCE = {"cuda": 512, "cpu": 64}
"""Larger batches are no faster on a GPU, and while the files of the last batch are written nothing else runs."""
_VALUES_AT_ONCE = 1 << 22
"""Of samples drawn in one batch on a CPU."""

_BYTES_A_PLACE = 8_192
"""Memory that a U-Net of common width needs for one place of a sample in evaluation; a batch may take half of what is
free, and where that is still too much, the batch is halved."""


@dataclass(frozen=True, kw_only=True)
class DrawOptions:
    """How samples are drawn.

    Args:
        batch_size: samples of one forward pass; ``None`` for as many as memory holds. It does not change what a sample
            is, only its rounding.
        first: index of the first sample.
        exact: bit-equal samples on one machine whatever ``first`` and the count are, at a fixed small batch in float32.
        precision: ``auto`` is bfloat16 where the device has it in hardware and the model draws in many steps, whose
            time it halves; else float32.
        sampling: sampler, steps and guidance in place of the model's own.
        recorded: on a CUDA device the network's pass is recorded once and replayed at every step.
    """

    batch_size: int | None = None
    first: int = 0
    exact: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    sampling: Sampling = AS_TRAINED
    recorded: bool = True

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be positive, got {self.batch_size}")
        if self.first < 0:
            raise ValueError(f"first must not be negative, got {self.first}")
        if self.exact and self.precision == "bf16":
            raise ValueError("exact samples are drawn in fp32")


BY_DEFAULT = DrawOptions()
"""The fastest way that keeps samples what they are."""


def draw(
    model: Synthesizer,
    count: int,
    *,
    seed: int = 0,
    conditions: SampleConditions = NOTHING,
    options: DrawOptions = BY_DEFAULT,
) -> Iterator[Batch]:
    """Draw samples ``options.first … options.first + count - 1`` of a seed, batch by batch.

    Args:
        model: in evaluation mode on its device.
        count: how many.
        seed: names the noise; sample *i* of a seed is always the same.
        conditions: what each sample is given.
        options: batch, precision, sampler.

    Yields:
        Batches on the model's device: ``image`` or ``video`` float32 in [-1, 1], ``index``, and what they were given.

    Raises:
        BadInput: the model cannot be drawn from like that.
    """
    if not count:
        return
    chosen = model.resampled(options.sampling)
    bf16 = _in_bf16(chosen, options)
    drawer = chosen.recorded(bf16=bf16) if options.recorded and not options.exact else chosen
    # Yielding inside the context would put the caller's own arithmetic under it.
    faster = devices.Precision(torch.bfloat16 if bf16 else torch.float32, model.device)
    size = EXACT_BATCH if options.exact else options.batch_size or _fitting(chosen, count)
    start, end = options.first, options.first + count
    while start < end:
        stop = min(end, start + (size - start % size if options.exact else size))
        try:
            with faster.autocast():
                batch = _batch(drawer, range(start, stop), seed, conditions, exact=options.exact)
        except torch.cuda.OutOfMemoryError:
            if size == 1 or options.exact:
                raise
            # The recording of the larger batch still holds its memory.
            size //= 2
            drawer = chosen.recorded(bf16=bf16) if options.recorded else chosen
            torch.cuda.empty_cache()
            continue
        yield batch
        start = stop


def share_of(count: int, first: int = 0) -> tuple[int, int]:
    """This process's part of samples ``first … first + count - 1``: its first index, and how many.

    Shares are contiguous and in the order of the processes; together they are all samples.
    """
    rank, size = distributed.rank(), distributed.world_size()
    begin, end = count * rank // size, count * (rank + 1) // size
    return first + begin, end - begin


def _batch(model: Synthesizer, indices: range, seed: int, conditions: SampleConditions, *, exact: bool) -> Batch:
    whole = indices
    if exact:
        # A sample's rounding depends on its row and on the batch, so both must be functions of its index.
        start = indices.start - indices.start % EXACT_BATCH
        whole = range(start, start + EXACT_BATCH)
    condition = conditions.of(whole)
    drawn = model.sample(len(whole), seed=seed, first=whole.start, condition=condition)
    wanted = slice(indices.start - whole.start, indices.stop - whole.start)
    given = {key: value[wanted].to(drawn.device) for key, value in condition.items()}
    index = torch.arange(indices.start, indices.stop, device=drawn.device)
    # What was drawn comes last: a model that is given a picture draws another one, under the same key.
    return {**given, model.config.media.kind: drawn[wanted], "index": index}


def _in_bf16(model: Synthesizer, options: DrawOptions) -> bool:
    if options.precision == "auto":
        return not options.exact and model.sampling.steps is not None and devices.has_bf16(model.device)
    return options.precision == "bf16"


def _fitting(model: Synthesizer, count: int) -> int:
    """Samples of one batch: as many as memory and the device's habits allow, in batches of one size."""
    shape, kind = model.config.media.shape, model.device.type
    places = math.prod(shape[1:])
    if kind == "cuda":
        free = torch.cuda.mem_get_info(model.device)[0]
        most = min(_MOST_AT_ONCE["cuda"], free // 2 // (places * _BYTES_A_PLACE))
    else:
        most = min(_MOST_AT_ONCE["cpu"], _VALUES_AT_ONCE // math.prod(shape))
    most = max(1, most)
    batches = -(-count // most)
    return -(-count // batches)
