"""Drawing many samples in memory: the one way in which files, previews, measurements and comparisons are drawn."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch, pixels_of
from diorama.nn.half import half_blocks
from diorama.synthesis.arriving import Arriving
from diorama.synthesis.base import AS_TRAINED, Sampling, Synthesizer
from diorama.synthesis.conditions import NOTHING, SampleConditions

_log = logging.getLogger(__name__)

DrawPrecision = Literal["auto", "fp32", "fp16", "bf16"]

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
        precision: ``auto`` is half precision for models that draw in many steps, whose time it halves, where the
            device has it in hardware: float16 on CUDA devices, bfloat16 on CPUs; else float32. Samples whose features
            float16 cannot hold are drawn in bfloat16, and a warning says so.
        sampling: sampler, steps and guidance in place of the model's own.
        recorded: on a CUDA device the network's pass is recorded once and replayed at every step.
    """

    batch_size: int | None = None
    first: int = 0
    exact: bool = False
    precision: DrawPrecision = "auto"
    sampling: Sampling = AS_TRAINED
    recorded: bool = True

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be positive, got {self.batch_size}")
        if self.first < 0:
            raise ValueError(f"first must not be negative, got {self.first}")
        if self.exact and self.precision not in ("auto", "fp32"):
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
    drawer = _Drawer(model.resampled(options.sampling), count, seed, conditions, options)
    start, end = options.first, options.first + count
    held: _Launched | None = None
    while start < end or held is not None:
        launched = drawer.launch(start, end) if start < end else None
        if held is not None:
            if not drawer.keeps(held):
                start, held = int(held.batch["index"][0]), None
                continue
            yield held.batch
        # A batch that is to be looked at waits until the next one is launched, so that the device is never idle.
        held = launched
        if launched is None:
            return
        start += len(launched.batch["index"])
        if launched.finite is None:
            yield launched.batch
            held = None


class _Launched(NamedTuple):
    """A batch that a device may still be at work on, and whether all its values are finite, where that is asked."""

    batch: Batch
    finite: Arriving | None


class _Drawer:
    """One call of :func:`draw`: the model in the precision and the batch size that have worked so far."""

    def __init__(
        self, model: Synthesizer, count: int, seed: int, conditions: SampleConditions, options: DrawOptions
    ) -> None:
        self.model, self.seed, self.conditions, self.options = model, seed, conditions, options
        self.size = EXACT_BATCH if options.exact else options.batch_size or _fitting(model, count)
        self.dtype = _dtype(model, options)
        self.ready = self._made_ready()

    def launch(self, start: int, end: int) -> _Launched:
        """Begin with samples from ``start`` on, up to ``end`` at most."""
        while True:
            # Yielding inside the context would put the caller's own arithmetic under it.
            faster = devices.Precision(self.dtype, self.model.device)
            exact, size = self.options.exact, self.size
            stop = min(end, start + (size - start % size if exact else size))
            try:
                with faster.autocast(), half_blocks(faster.own_half):
                    batch = _batch(self.ready, range(start, stop), self.seed, self.conditions, exact=exact)
                finite = Arriving(pixels_of(batch).isfinite().all()) if self.dtype == torch.float16 else None
                return _Launched(batch, finite)
            except torch.cuda.OutOfMemoryError:
                if size == 1 or exact:
                    raise
                # The recording of the larger batch still holds its memory.
                self.size = size // 2
                self.ready = self._made_ready()
                torch.cuda.empty_cache()

    def keeps(self, launched: _Launched) -> bool:
        """Whether a batch is as it should be; if not, it is to be drawn again, in the precision that is set now."""
        if launched.finite is None or launched.finite.values().item():
            return True
        self.dtype = torch.bfloat16 if devices.has_bf16(self.model.device) else torch.float32
        _log.warning(
            "sample %d and those after it are drawn in %s: float16 cannot hold this model's features",
            int(launched.batch["index"][0]),
            str(self.dtype).removeprefix("torch."),
        )
        self.ready = self._made_ready()
        return False

    def _made_ready(self) -> Synthesizer:
        recorded = self.options.recorded and not self.options.exact
        return self.model.recorded(self.dtype) if recorded else self.model


def different(model: Synthesizer, count: int, conditions: SampleConditions) -> int:
    """How many of so many samples differ: of a model without noise no more than it is given different things."""
    return count if math.prod(model.noise_shape) or not conditions.words else min(count, len(conditions.words))


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


def _dtype(model: Synthesizer, options: DrawOptions) -> torch.dtype:
    if options.precision != "auto":
        return devices.precision(options.precision, model.device).dtype
    if options.exact or model.sampling.steps is None:
        return torch.float32
    return devices.finest_half(model.device) or torch.float32


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
