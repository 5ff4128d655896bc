"""What only a model can be asked for: what it makes of records, bounds on the code length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.data.dataset import Split
from diorama.evaluation.catalog.entries import ModelMetric, resolve
from diorama.evaluation.catalog.metrics import Metric
from diorama.evaluation.checks import check_able
from diorama.evaluation.intervals import mean_interval
from diorama.evaluation.measures import Measured
from diorama.evaluation.records import PIXELS, batches
from diorama.media.convert import to_uint8
from diorama.nn.similarity import psnr, ssim
from diorama.synthesis import likelihood
from diorama.synthesis.abilities import BoundsBits, Reconstructs
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import drawn_key, draws_of_pairs, record_condition
from diorama.synthesis.diffusion import DiffusionSynthesizer

HIGHEST_PSNR = 100.0
"""dB that pictures without any difference count as."""


@dataclass(frozen=True)
class Asked:
    """Some real records, put to a model.

    Args:
        model: on its device.
        records: (b, c, h, w) or (b, c, t, h, w) in [-1, 1], on the model's device; of a model that draws what stands
            beside records, that.
        condition: what the model is given of the records, on its device.
        seed: of bounds that draw noise.
        first: place of the first record among all that are asked about.
    """

    model: Synthesizer
    records: Tensor
    condition: Condition
    seed: int
    first: int

    @cached_property
    def drawn(self) -> Tensor:
        """The records as the model draws them, again or of what stands beside them; taken once for all metrics."""
        if isinstance(self.model, Reconstructs):
            return self.model.reconstruct(self.records)
        return self.model.sample(len(self.records), seed=self.seed, first=self.first, condition=self.condition)

    @cached_property
    def grey_levels(self) -> tuple[Tensor, Tensor]:
        """What is drawn and what it should be, in 8-bit values."""
        return _grey_levels(self.drawn), _grey_levels(self.records)


def psnr_of_pairs(asked: Asked) -> Float[Tensor, " b"]:
    """Peak signal-to-noise ratio in dB, at most 100."""
    return psnr(*asked.grey_levels, span=255).clamp(max=HIGHEST_PSNR)


def ssim_of_pairs(asked: Asked) -> Float[Tensor, " b"]:
    """Structural similarity, 1 for equal pictures."""
    again, real = asked.grey_levels
    return ssim(again, real, span=255, size=_window(real))


def bits_per_dim(asked: Asked) -> Float[Tensor, " b"]:
    """Upper bound on the bits for each stored value."""
    assert isinstance(asked.model, BoundsBits)
    return asked.model.bits_per_dim(asked.records, condition=asked.condition, seed=asked.seed, first=asked.first)


def flow_bits_per_dim(asked: Asked) -> Float[Tensor, " b"]:
    """Bits for each stored value, by the density along the probability-flow path."""
    assert isinstance(asked.model, DiffusionSynthesizer)
    return likelihood.flow_bits_per_dim(
        asked.model, asked.records, condition=asked.condition, seed=asked.seed, first=asked.first
    )


@torch.no_grad()
def measure_model(
    model: Synthesizer, metrics: Sequence[Metric], split: Split, indices: np.ndarray, *, seed: int, batch_size: int
) -> dict[str, Measured]:
    """What a model is asked for, averaged over real records.

    Args:
        model: on its device.
        metrics: whose entries are :class:`~diorama.evaluation.catalog.entries.ModelMetric`.
        split: the real records.
        indices: (n,) which of them.
        seed: of bounds that draw noise.
        batch_size: records at a time.

    Raises:
        BadInput: the model neither reconstructs nor draws what stands beside pictures, or has no bound; the records
            lack what it is given.
    """
    config, specs = model.config, model.config.conditions
    for metric in metrics:
        check_able(model, metric, in_pairs=draws_of_pairs(config.media, specs, split))
    key = drawn_key(config.media, specs)
    functions = {metric.name: resolve(metric.entry.function) for metric in metrics}
    taken: dict[str, list[Tensor]] = defaultdict(list)
    first = 0
    for batch in batches(split, indices, batch_size, (*PIXELS, key, *(spec.key for spec in specs))):
        condition = {key: value.to(model.device) for key, value in record_condition(specs, batch, split).items()}
        asked = Asked(model, batch[key].to(model.device), condition, seed, first)
        for name, function in functions.items():
            taken[name].append(function(asked).cpu())
        first += len(asked.records)
    measured = {}
    for metric in metrics:
        values = torch.cat(taken[metric.name]).double()
        interval = mean_interval(values)
        if isinstance(metric.entry, ModelMetric) and metric.entry.how:
            interval = replace(interval, method=f"{interval.method} over records; {metric.entry.how}")
        measured[metric.name] = Measured(float(values.mean()), interval)
    return measured


def _grey_levels(x: Tensor) -> Tensor:
    """8-bit values as float, (b, c, h, w); the frames of a clip lie beside one another in the channels."""
    levels = to_uint8(x).cpu().float()
    return levels if levels.dim() == 4 else levels.flatten(1, 2)


def _window(x: Tensor) -> int:
    """11 pixels as in the paper, less where pictures are smaller, always odd."""
    return min(11, (min(x.shape[-2:]) - 1) // 2 * 2 + 1)
