"""The real side of a comparison: features of a split, taken once and used many times."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from diorama.core import distributed
from diorama.core.contracts import MediaSpec
from diorama.core.files import write_bytes
from diorama.data.dataset import Split
from diorama.evaluation.catalog.metrics import SHIPPED, Metric, MetricCatalog, catalog_with
from diorama.evaluation.extractors import FeatureTaker, SampleFeatures, gathered
from diorama.evaluation.familiar import warnings_of
from diorama.evaluation.protocol import ReferenceStamp
from diorama.evaluation.records import PIXELS, batches, chosen_records, records_stamp


@dataclass(frozen=True, kw_only=True)
class ReferenceFeatures:
    """What every metric needs of the real data.

    Args:
        stamp: which records these are.
        media: what one record is.
        features: by kind, (n, d) float32: ``lite`` of pictures or of all frames, ``lite-clip`` of clips.
        taker: takes the same features of samples, and those of metrics that need no real records.
        catalog: of the metrics.
        warnings: that an extractor was trained on these very data, say.
    """

    stamp: ReferenceStamp
    media: MediaSpec
    features: Mapping[str, Tensor]
    taker: FeatureTaker
    catalog: MetricCatalog = SHIPPED
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
        catalog: a user's own, whose metrics may be asked for.
        shared: the processes that ``torchrun`` started take the features together, each of a share of the records, and
            the first one holds them: for :func:`~diorama.evaluation.run.measure_shared`. All must ask.
    """

    count: int | None = None
    seed: int = 0
    batch_size: int = 64
    device: str = "cpu"
    cache: Path | None = None
    catalog: tuple[object, ...] = ()
    shared: bool = False


def reference_features(split: Split, metrics: Sequence[str], options: ReferenceOptions) -> ReferenceFeatures:
    """Features of a split for the extractors that ``metrics`` name; taken once, used for many models.

    Raises:
        BadInput: an unknown metric, or extractor weights that cannot be had.
    """
    catalog = catalog_with(options.catalog)
    parsed = [catalog.metric(name) for name in metrics]
    taker = _taker(parsed, options)
    indices = chosen_records(split, options.count, options.seed)
    stamp = records_stamp(split, indices)
    features = _features(split, indices, parsed, stamp, taker, options)
    networks = [entry.name for entry in taker.extractors]
    return ReferenceFeatures(
        stamp=stamp,
        media=split.info.media,
        features=features,
        taker=taker,
        catalog=catalog,
        warnings=tuple(warnings_of(split, indices, networks)),
    )


def load_extractors(metrics: Sequence[str], options: ReferenceOptions) -> None:
    """See that the networks of some metrics are there, before work that would be in vain without them.

    Args:
        metrics: names; those that are asked of a model need none.
        options: where the networks run, and the catalog of the metrics.

    Raises:
        BadInput: an unknown metric, or extractor weights that cannot be had.
    """
    catalog = catalog_with(options.catalog)
    _taker([catalog.metric(name) for name in metrics], options)


def _taker(metrics: Sequence[Metric], options: ReferenceOptions) -> FeatureTaker:
    """The extractors, loaded by the first process before the others, which then find the weights that it fetched."""
    if not options.shared:
        return FeatureTaker(metrics, options.device)
    if not distributed.is_first():
        distributed.barrier()
        return FeatureTaker(metrics, options.device)
    try:
        return FeatureTaker(metrics, options.device)
    finally:
        # After a failure too: the others wait, and will fail in the same way.
        distributed.barrier()


def _features(
    split: Split,
    indices: NDArray[np.int64],
    metrics: Sequence[Metric],
    stamp: ReferenceStamp,
    taker: FeatureTaker,
    options: ReferenceOptions,
) -> dict[str, Tensor]:
    """Features of the records for the metrics that need real ones, from the cache where they are there."""
    wanted = {metric.features: metric for metric in metrics if "reals" in metric.needs}
    cached = {kind: _cached(options.cache, stamp, metric, taker) for kind, metric in wanted.items()}
    missing = [kind for kind, found in cached.items() if found is None]
    if options.shared:
        # The first process keeps the features, so what it lacks is what all take.
        missing = distributed.share(missing)
        indices = np.array_split(indices, distributed.world_size())[distributed.rank()]
    features = {kind: found for kind, found in cached.items() if found is not None and kind not in missing}
    if not missing:
        return features
    part = FeatureTaker([wanted[kind] for kind in missing], options.device)
    taken: SampleFeatures | None = part.take_all(batches(split, indices, options.batch_size, PIXELS))
    if options.shared and taken is not None:
        taken = gathered(taken, part.kinds)
    if taken is None:
        return features
    for kind in missing:
        _keep(options.cache, stamp, wanted[kind], taker, taken.rows[kind])
    return features | dict(taken.rows)


def _place(cache: Path | None, stamp: ReferenceStamp, metric: Metric, taker: FeatureTaker) -> Path | None:
    """Where a metric's features are kept; ``None`` for an extractor without weights, whose code may change unseen."""
    entry = metric.extractor
    assert entry is not None
    digest = taker.extractors[entry].sha256
    if cache is None or not digest:
        return None
    name = hashlib.sha256(f"{stamp.sha256}|{digest}|{entry.resize}|{metric.features}".encode()).hexdigest()
    return cache / f"{name}.safetensors"


def _cached(cache: Path | None, stamp: ReferenceStamp, metric: Metric, taker: FeatureTaker) -> Tensor | None:
    place = _place(cache, stamp, metric, taker)
    if place is None:
        return None
    try:
        return load_file(place)["features"]
    except (OSError, SafetensorError, KeyError):
        return None


def _keep(cache: Path | None, stamp: ReferenceStamp, metric: Metric, taker: FeatureTaker, features: Tensor) -> None:
    place = _place(cache, stamp, metric, taker)
    if place is None:
        return
    try:
        write_bytes(place, to_bytes({"features": features.contiguous().to(torch.float32)}))
    except OSError:
        return  # a cache that cannot be written costs time, not the answer
