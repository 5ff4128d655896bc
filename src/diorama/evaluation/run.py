"""From samples, or a model, to stamped results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.files import cache_folder
from diorama.data.dataset import Split
from diorama.data.raw import open_any
from diorama.evaluation.catalog import MODEL_METRICS, WORLD_METRICS, Metric, default_metrics, parse_metric
from diorama.evaluation.measures import MEASURES, Pair, check_enough, check_finite
from diorama.evaluation.models import measure_model
from diorama.evaluation.protocol import Result
from diorama.evaluation.records import chosen_records, records_stamp
from diorama.evaluation.reference import (
    ReferenceFeatures,
    ReferenceOptions,
    reference_features,
)
from diorama.evaluation.subjects import MODEL_SAMPLES, EvaluateOptions, Subject, open_subject
from diorama.evaluation.world import WorldMeasure
from diorama.synthesis.base import Synthesizer


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Results, in the order of the metrics, and what the reader must be warned of."""

    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()


DEFAULT_OPTIONS = EvaluateOptions()


def evaluate(
    subject: Path | str | Synthesizer, against: Path | str | Split, options: EvaluateOptions = DEFAULT_OPTIONS
) -> Evaluation:
    """Measure samples or a model against real data.

    Args:
        subject: a folder or archive of samples, a prepared data set, a model or run folder, or a Synthesizer.
        against: a prepared data set, a split of one, a small raw folder, or the words ``world`` and ``world-video``.
        options: what is measured.

    Raises:
        BadInput: a path that is none of these, samples of another size than the reference, too few of them, an
            unknown metric, or one that the subject cannot be asked for.
    """
    split = against if isinstance(against, Split) else _open_split(against, options)
    metrics = options.metrics or default_metrics(split.info.media, split.info.name)
    asked = [name for name in metrics if parse_metric(name).measure in MODEL_METRICS]
    others = [name for name in metrics if name not in asked]
    opened = open_subject(subject, split.info.media, options)
    results: dict[str, Result] = {}
    warnings: tuple[str, ...] = ()
    if asked:
        results |= _of_model(opened, asked, split, options)
    if others:
        reference = reference_features(split, others, _reference_options(options))
        evaluation = measure(opened.batches, reference, others, seed=options.seed)
        results |= {result.metric: result for result in evaluation.results}
        warnings = (*opened.warnings(), *evaluation.warnings)
    return Evaluation(results=tuple(results[name] for name in metrics), warnings=warnings)


def measure(
    samples: Iterable[Tensor], reference: ReferenceFeatures, metrics: Sequence[str], *, seed: int = 0
) -> Evaluation:
    """Measure batches of samples; what training does in its loop.

    Both sides pass through 8 bits before their features are taken.

    Args:
        samples: batches (b, c, h, w) or (b, c, t, h, w) in [-1, 1], of any sizes: the batch size changes no answer.
        reference: features of the real records, for at least these metrics.
        metrics: names, see :mod:`diorama.evaluation.catalog`.
        seed: of every draw that the measurement makes.

    Raises:
        BadInput: an unknown metric, one that needs a model, or too few samples.
    """
    parsed = [parse_metric(name) for name in metrics]
    for metric in parsed:
        if metric.measure in MODEL_METRICS:
            raise BadInput(f"metrics: {metric.name} is asked of a model, not of samples")
        if metric.features and metric.features not in reference.features:
            raise BadInput(f"metrics: the reference was prepared without {metric.features} features")
    world = WorldMeasure() if any(metric.measure in WORLD_METRICS for metric in parsed) else None
    watched = samples if world is None else _read_by(world, samples)
    features, count = reference.taker.take_all(watched)
    if not count:
        raise BadInput("there are no samples to measure")
    pairs = {kind: _pair(kind, features[kind], reference, count, seed) for kind in {m.features for m in parsed} - {""}}
    results = []
    for metric in parsed:
        if world is not None and metric.measure in WORLD_METRICS:
            value, interval = world.result(metric.measure)
            stamp = replace(reference.stamp, count=0, sha256="")
            results.append(
                Result(
                    metric=metric.name, value=value, interval=interval, samples=count, reference=stamp, dtype="uint8"
                )
            )
        else:
            results.append(_of_features(metric, pairs[metric.features], reference, seed))
    warnings = [*reference.warnings, *_few(pairs)] + (world.warnings() if world else [])
    return Evaluation(results=tuple(results), warnings=tuple(warnings))


def _of_features(metric: Metric, pair: Pair, reference: ReferenceFeatures, seed: int) -> Result:
    taken = MEASURES[metric.measure]
    check_enough(metric.name, taken, len(pair.samples) // pair.group, "samples")
    check_enough(metric.name, taken, len(pair.reference) // pair.group, "reference records")
    if taken.limited:
        pair = pair.limited
    value, interval = taken.take(pair)
    extractor = reference.taker.extractors[metric.extractor]
    return Result(
        metric=metric.name,
        value=value,
        interval=interval,
        extractor=extractor.stamp,
        resize=extractor.resize,
        dtype=extractor.dtype,
        samples=len(pair.samples),
        reference=replace(reference.stamp, count=len(pair.reference)),
        seed=seed,
    )


def _pair(kind: str, samples: Tensor, reference: ReferenceFeatures, count: int, seed: int) -> Pair:
    real = reference.features[kind]
    check_finite(kind, samples, "samples")
    check_finite(kind, real, "reference")
    if samples.shape[1] != real.shape[1] or len(samples) * reference.stamp.count != len(real) * count:
        raise BadInput("samples and reference are not alike: one has clips of another length, or pictures")
    return Pair(samples, real, seed, len(samples) // count)


def _few(pairs: dict[str, Pair]) -> list[str]:
    return [
        f"{kind}: {min(len(pair.samples), len(pair.reference))} records are fewer than the {pair.samples.shape[1]} "
        "features, so distances are rough and their intervals wide"
        for kind, pair in pairs.items()
        if min(len(pair.samples), len(pair.reference)) < pair.samples.shape[1]
    ]


def _read_by(world: WorldMeasure, samples: Iterable[Tensor]) -> Iterable[Tensor]:
    for batch in samples:
        world.take(batch)
        yield batch


def _of_model(opened: Subject, metrics: list[str], split: Split, options: EvaluateOptions) -> dict[str, Result]:
    if opened.model is None:
        raise BadInput(f"metrics: {metrics[0]} is asked of a model, and samples have none")
    indices = chosen_records(split, options.count or MODEL_SAMPLES, options.seed)
    measured = measure_model(opened.model, metrics, split, indices, seed=options.seed, batch_size=options.batch_size)
    return {
        name: Result(
            metric=name,
            value=value,
            interval=interval,
            dtype="float32" if name == "bpd" else "uint8",
            samples=len(indices),
            reference=records_stamp(split, indices),
            seed=options.seed,
        )
        for name, (value, interval) in measured.items()
    }


def _open_split(against: Path | str, options: EvaluateOptions) -> Split:
    return open_any(against, cache_folder()).split(options.split)


def _reference_options(options: EvaluateOptions) -> ReferenceOptions:
    return ReferenceOptions(
        count=options.reference,
        seed=options.seed,
        batch_size=options.batch_size,
        device=options.device,
        cache=options.cache,
    )
