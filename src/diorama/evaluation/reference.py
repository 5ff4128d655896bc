"""The real side of a comparison: features of a split, taken once and used many times."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from diorama.core.contracts import MediaSpec
from diorama.core.files import write_bytes
from diorama.data.dataset import Split
from diorama.evaluation.catalog import parse_metric
from diorama.evaluation.extractors import Extractor, FeatureTaker
from diorama.evaluation.familiar import warnings_of
from diorama.evaluation.protocol import ReferenceStamp
from diorama.evaluation.records import batches, chosen_records, records_stamp


@dataclass(frozen=True, kw_only=True)
class ReferenceFeatures:
    """What every metric needs of the real data.

    Args:
        stamp: which records these are.
        media: what one record is.
        features: by kind, (n, d) float32: ``lite`` of pictures or of all frames, ``lite-clip`` of clips.
        taker: takes the same features of samples.
        warnings: that an extractor was trained on these very data, say.
    """

    stamp: ReferenceStamp
    media: MediaSpec
    features: Mapping[str, Tensor]
    taker: FeatureTaker
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
    """Features of a split for the extractors that ``metrics`` name; taken once, used for many models.

    Raises:
        BadInput: an unknown metric, or extractor weights that cannot be had.
    """
    taker = FeatureTaker((parse_metric(name).features for name in metrics), options.device)
    indices = chosen_records(split, options.count, options.seed)
    stamp = records_stamp(split, indices)
    features = {}
    missing = []
    for kind in taker.kinds:
        cached = _cached(options.cache, stamp, kind, taker)
        if cached is None:
            missing.append(kind)
        else:
            features[kind] = cached
    if missing:
        part = FeatureTaker(missing, options.device)
        taken, _ = part.take_all(batches(split, indices, options.batch_size))
        for kind, values in taken.items():
            _keep(options.cache, stamp, kind, taker, values)
        features |= taken
    warnings = warnings_of(split, indices, list(taker.extractors))
    return ReferenceFeatures(
        stamp=stamp, media=split.info.media, features=features, taker=taker, warnings=tuple(warnings)
    )


def _place(cache: Path, stamp: ReferenceStamp, kind: str, taker: FeatureTaker) -> Path:
    extractor: Extractor = taker.extractors[kind.partition("-")[0]]
    name = hashlib.sha256(f"{stamp.sha256}|{extractor.stamp.sha256}|{extractor.resize}|{kind}".encode()).hexdigest()
    return cache / f"{name}.safetensors"


def _cached(cache: Path | None, stamp: ReferenceStamp, kind: str, taker: FeatureTaker) -> Tensor | None:
    if cache is None:
        return None
    try:
        return load_file(_place(cache, stamp, kind, taker))["features"]
    except (OSError, SafetensorError, KeyError):
        return None


def _keep(cache: Path | None, stamp: ReferenceStamp, kind: str, taker: FeatureTaker, features: Tensor) -> None:
    if cache is None:
        return
    content = to_bytes({"features": features.contiguous().to(torch.float32)})
    try:
        write_bytes(_place(cache, stamp, kind, taker), content)
    except OSError:
        return  # a cache that cannot be written costs time, not the answer
