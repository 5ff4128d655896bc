"""The real side of a comparison: features of a split, taken once and used many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from diorama.core.contracts import MediaSpec
from diorama.data.dataset import Split
from diorama.evaluation.protocol import ReferenceStamp


@dataclass(frozen=True, kw_only=True)
class ReferenceFeatures:
    """What every metric needs of the real data.

    Args:
        stamp: which records these are.
        media: what one record is.
        features: by extractor name, (n, d) float32; clips under ``NAME-clip``.
        warnings: that an extractor was trained on these very data, say.
    """

    stamp: ReferenceStamp
    media: MediaSpec
    features: Mapping[str, Tensor]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReferenceOptions:
    """Which real records, and how their features are taken.

    Args:
        count: records, drawn without replacement by the seed; ``None`` for all.
        seed: of that draw.
        batch_size: records at a time; changes no answer.
        device: where the extractors run.
        cache: folder for features, found again by content; ``None`` for none.
    """

    count: int | None = None
    seed: int = 0
    batch_size: int = 64
    device: str = "cpu"
    cache: Path | None = None


def reference_features(split: Split, metrics: Sequence[str], options: ReferenceOptions) -> ReferenceFeatures:
    """Features of a split for the extractors that ``metrics`` name; taken once, used for many models."""
    raise RuntimeError("lands within the hour")
