"""From samples, or a model, to stamped results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from diorama.data.dataset import Split
from diorama.evaluation.protocol import Result
from diorama.evaluation.reference import ReferenceFeatures
from diorama.synthesis.base import Synthesizer

DEFAULT_METRICS = ("fd@lite", "kid@lite", "precision@lite", "recall@lite", "density@lite", "coverage@lite")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What is measured, and on how much.

    Args:
        metrics: names; empty for the default ones of the media.
        split: of the data that the subject is held against.
        count: samples; ``None`` for all of a folder, 2,000 of a model.
        reference: real records; ``None`` for the whole split.
        seed: of the samples and of every draw of the measurement.
        batch_size: samples at a time; changes no answer.
        device: where model and extractors run.
        cache: folder for reference features; ``None`` for none.
    """

    metrics: tuple[str, ...] = ()
    split: str = "train"
    count: int | None = None
    reference: int | None = None
    seed: int = 0
    batch_size: int = 64
    device: str = "cpu"
    cache: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Results and what the reader must be warned of."""

    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()


def evaluate(
    subject: Path | Synthesizer, against: Path | Split, options: EvaluateOptions | None = None
) -> Evaluation:
    """Measure a folder or archive of samples, a prepared data set, a model or run folder, or a Synthesizer."""
    raise RuntimeError("lands within the hour")


def measure(
    samples: Iterable[Tensor], reference: ReferenceFeatures, metrics: Sequence[str], *, seed: int = 0
) -> Evaluation:
    """Measure batches of samples (b, c, h, w) or (b, c, t, h, w) in [-1, 1]; what training does in its loop."""
    raise RuntimeError("lands within the hour")
