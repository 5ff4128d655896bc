"""Measuring the model while it trains, and remembering which was the best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama.data.dataset import Split
from diorama.evaluation.catalog.metrics import SHIPPED, parse_metric
from diorama.evaluation.reference import ReferenceFeatures, ReferenceOptions, reference_features
from diorama.evaluation.run import measure
from diorama.training.recipe import EvaluationConfig
from diorama.training.view import ModelView


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best model so far.

    Args:
        step: completed steps when it was measured.
        images: seen by then.
        seconds: spent by then.
        joules: spent by then.
        result: its stamped result, as JSON.
    """

    step: int
    images: int
    seconds: float
    joules: float
    result: Mapping[str, Any]


def enough(config: EvaluationConfig, val: Split | None) -> bool:
    """Whether a validation split has the records that the recipe's metric needs."""
    metric = SHIPPED.find(config.metric)
    return val is not None and len(val) >= (metric.entry.least if metric is not None else 1)


class Evaluator:
    """Measures the recipe's metric on fresh samples against the validation split.

    Args:
        config: which metric, on how many samples.
        val: the real records.
        cache: folder for their features, which are taken once.
        seed: of samples and measurement: the same at every evaluation.
    """

    def __init__(self, config: EvaluationConfig, val: Split, cache: Path, seed: int) -> None:
        self.config, self.val, self.cache, self.seed = config, val, cache, seed
        self._reference: ReferenceFeatures | None = None
        self._warnings: dict[str, bool] = {}

    def prepare(self, device: torch.device) -> None:
        """Take the real features, so that a metric that cannot be had is refused before training."""
        options = ReferenceOptions(seed=self.seed, device=str(device), cache=self.cache)
        self._reference = reference_features(self.val, (self.config.metric,), options)

    def __call__(self, view: ModelView) -> tuple[dict[str, Any], ...]:
        """Stamped results, as JSON, of the model as it was last refreshed."""
        assert self._reference is not None, "prepare comes first"
        kind, drawn = view.config.media.kind, view.samples(self.config.samples, seed=self.seed)
        samples = ({kind: pixels, "index": index} for pixels, index in numbered(drawn))
        evaluation = measure(samples, self._reference, (self.config.metric,), seed=self.seed)
        self._warnings = {warning: self._warnings.get(warning, False) for warning in evaluation.warnings}
        return tuple(asdict(result) for result in evaluation.results)

    def warnings(self) -> tuple[str, ...]:
        """What the reader of the results must be warned of and was not yet told."""
        untold = tuple(warning for warning, told in self._warnings.items() if not told)
        self._warnings = dict.fromkeys(self._warnings, True)
        return untold

    def better(self, results: tuple[Mapping[str, Any], ...], best: Best | None) -> Mapping[str, Any] | None:
        """The result that makes the model the best so far, or ``None``."""
        (result,) = (r for r in results if r["metric"] == self.config.metric)
        metric = parse_metric(self.config.metric)
        return result if best is None or metric.improved_by(result["value"], best.result["value"]) else None


def numbered(batches: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches with the indices of their samples, counted from 0."""
    first = 0
    for batch in batches:
        yield batch, torch.arange(first, first + len(batch))
        first += len(batch)
