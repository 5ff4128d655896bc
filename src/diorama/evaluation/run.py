"""From samples, or a model, to stamped results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.data.dataset import Split
from diorama.evaluation.catalog.entries import MetricEntry, ModelMetric, SampleMetric, resolve
from diorama.evaluation.catalog.metrics import Metric, MetricCatalog, catalog_with, default_metrics
from diorama.evaluation.checks import asked_of_samples, check_enough, check_finite, checked_batches, not_held_out
from diorama.evaluation.extractors import SampleFeatures, gathered, stamp_of
from diorama.evaluation.familiar import is_world
from diorama.evaluation.measures import Measured, Pair
from diorama.evaluation.models import measure_model
from diorama.evaluation.protocol import ReferenceStamp, Result
from diorama.evaluation.reals import open_reals
from diorama.evaluation.records import chosen_records, records_stamp
from diorama.evaluation.reference import ReferenceFeatures, load_extractors, reference_features
from diorama.evaluation.subjects import (
    MODEL_SAMPLES,
    EvaluateOptions,
    Subject,
    is_given_pictures,
    open_subject,
)
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.conditions import draws_of_pairs


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Results, in the order of the metrics; what the reader must be warned of; and how both sides were read."""

    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def drawn_by(self, sampling: Sampling | None) -> Evaluation:
        """The same, of samples whose sampler, steps and guidance are known."""
        return replace(self, results=tuple(replace(result, sampling=sampling) for result in self.results))


DEFAULT_OPTIONS = EvaluateOptions()


def evaluate(
    subject: Path | str | Synthesizer, against: Path | str | Split, options: EvaluateOptions = DEFAULT_OPTIONS
) -> Evaluation:
    """Measure samples or a model against real data.

    Under ``torchrun`` all processes must call it: each draws a share of a model's samples and takes the features of a
    share of all, and all hear the answer.

    Args:
        subject: a folder or archive of samples, a prepared data set, a model or run folder, or a Synthesizer.
        against: a prepared data set, a split of one, a small raw folder (measured whole, at its own size), or the words
            ``world`` and ``world-video``.
        options: what is measured.

    Raises:
        BadInput: a path that is none of these, samples of another size than the reference, too few of them, an
            unknown metric, or one that the subject cannot be asked for.
    """
    device = distributed.own_device(devices.pick(options.device))
    with distributed.session(device):
        return _evaluated(subject, against, replace(options, device=str(device)))


def _evaluated(subject: Path | str | Synthesizer, against: Path | str | Split, options: EvaluateOptions) -> Evaluation:
    catalog = catalog_with(options.catalog)
    options, spelling = _spelled(options, catalog)
    if not any(isinstance(side, (str, Path)) and not Path(side).exists() for side in (subject, against)):
        # First, since they may have to be fetched: whoever cannot have them need not mend the sizes of pictures.
        load_extractors(options.metrics, replace(options.reference_options, shared=True))
    reals = open_reals(against, options, catalog, held_out=is_given_pictures(subject, options.catalog))
    split = reals.split
    opened = open_subject(subject, split, options)
    names = options.metrics or _usual_metrics(opened, split)
    asked = [metric for metric in map(catalog.metric, names) if isinstance(metric.entry, ModelMetric)]
    others = [name for name in names if isinstance(catalog.metric(name).entry, SampleMetric)]
    results: dict[str, Result] = {}
    warnings = [*reals.warnings, *not_held_out(split, asked)]
    own_words: list[str] = []
    if asked:
        results |= _of_model(opened, asked, split, options)
        own_words = [_how_asked(results[metric.name], metric.entry, split) for metric in asked]
    if others:
        for name in others if opened.count is not None else ():
            check_enough(catalog.metric(name), opened.count or 0, "samples")
        reference = reference_features(opened.reals, others, replace(options.reference_options, shared=True))
        evaluation = measure_shared(opened.batches, reference, others, seed=options.seed).drawn_by(opened.sampling)
        results |= {result.metric: result for result in evaluation.results}
        warnings += [*opened.warnings(), *evaluation.warnings]
    return Evaluation(
        results=tuple(_resized(results[name], options.size if opened.raw or reals.raw else None) for name in names),
        warnings=tuple(warnings),
        notes=(*spelling, *reals.notes, *opened.notes(), *filter(None, own_words)),
    )


def _usual_metrics(opened: Subject, split: Split) -> tuple[str, ...]:
    """What is measured when nothing is asked for; of a model that draws what is known, how close it comes as well."""
    names = default_metrics(opened.reals.info.media, of_world=is_world(opened.reals))
    if opened.model is None or not draws_of_pairs(opened.model.config.media, opened.model.config.conditions, split):
        return names
    return (*names, "psnr", "ssim")


def _spelled(options: EvaluateOptions, catalog: MetricCatalog) -> tuple[EvaluateOptions, list[str]]:
    """The options with metrics by their own names, and which those are that were asked for by another."""
    spelled = catalog.spelled(options.metrics)
    said = [f"{typed} is {', '.join(names)}" for typed, names in spelled.items() if names != (typed.lower(),)]
    notes = [f"metrics: {'; '.join(said)}"] if said else []
    names = dict.fromkeys(name for found in spelled.values() for name in found)
    return replace(options, metrics=tuple(names)), notes


def _resized(result: Result, size: int | None) -> Result:
    """The result, saying that files were brought to one size before anything else."""
    if size is None:
        return result
    return replace(result, resize=f"files cropped and scaled to {size} x {size} px; then {result.resize}")


def measure(
    samples: Iterable[Batch], reference: ReferenceFeatures, metrics: Sequence[str], *, seed: int = 0
) -> Evaluation:
    """Measure batches of samples; what training does in its loop.

    Both sides pass through 8 bits before their features are taken.

    Args:
        samples: batches of any sizes with ``image`` or ``video`` in [-1, 1], ``index`` (b,), and what samples were
            given. Neither the batch size nor the order of the batches changes an answer.
        reference: features of the real records, for at least these metrics.
        metrics: names, see :mod:`diorama.evaluation.catalog.metrics`.
        seed: of every draw that the measurement makes.

    Raises:
        BadInput: an unknown metric, one that needs a model, or what a metric needs is missing.
    """
    parsed = _parsed(reference, metrics)
    taken = reference.taker.only(parsed).take_all(checked_batches(samples, parsed))
    return _judged(taken, reference, parsed, seed)


def measure_shared(
    share: Iterable[Batch], reference: ReferenceFeatures, metrics: Sequence[str], *, seed: int = 0
) -> Evaluation:
    """Like :func:`measure` in several processes at once, each of which brings its share of the samples.

    Every process takes the features of its own share; the first one gathers them, takes the metrics and tells the
    others. The answer is that of one process, up to the features' own rounding. All processes must call it, each
    with the same reference records, metrics and seed.

    Args:
        share: this process's samples, of indices that no other process has; none where there are not enough for all.
        reference: as for :func:`measure`; features of the real records are used in the first process only.
        metrics: names.
        seed: of every draw that the measurement makes.

    Raises:
        BadInput: as :func:`measure`, in all processes.
    """
    parsed = _parsed(reference, metrics)
    taken, problem = None, ""
    try:
        taken = reference.taker.take_all(checked_batches(share, parsed))
    except BadInput as refused:
        # Others wait for this process's features; they must hear that there are none.
        problem = str(refused)
    if distributed.agree(bool(problem)) or taken is None:
        raise BadInput(problem or "another process could not measure its share of the samples")
    whole, evaluation = gathered(taken, reference.taker.kinds), None
    if whole is not None:
        try:
            with distributed.while_others_wait():
                evaluation = _judged(whole, reference, parsed, seed)
        except BadInput as refused:
            problem = str(refused)
    evaluation, problem = distributed.share((evaluation, problem))
    if evaluation is None:
        raise BadInput(problem)
    return evaluation


def _parsed(reference: ReferenceFeatures, metrics: Sequence[str]) -> list[Metric]:
    parsed = [reference.catalog.metric(name) for name in metrics]
    for metric in parsed:
        if not isinstance(metric.entry, SampleMetric):
            raise BadInput(f"metrics: {metric.name} is asked of a model, not of samples")
        if metric.features not in reference.taker.kinds:
            raise BadInput(f"metrics: the reference was prepared without {metric.features} features")
    return parsed


def _judged(taken: SampleFeatures, reference: ReferenceFeatures, metrics: Sequence[Metric], seed: int) -> Evaluation:
    """The metrics of features."""
    if not len(taken):
        raise BadInput("there are no samples to measure")
    results, warnings, few = [], list(reference.warnings), dict[_Few, list[str]]()
    # Metrics of the same rows share a pair, and with it what is worked out once for all of them.
    pairs: dict[tuple[str, bool, int | None], Pair] = {}
    for metric in metrics:
        assert isinstance(metric.entry, SampleMetric)
        full_key = (metric.features, "reals" in metric.needs, None)
        limited_key = (*full_key[:2], metric.entry.most)
        if full_key not in pairs:
            pairs[full_key] = _pair(metric, taken, reference, seed)
            if (found := _few(metric, pairs[full_key])) is not None:
                few.setdefault(found, []).append(metric.features)
        _check_enough(metric, pairs[full_key])
        if limited_key not in pairs:
            pairs[limited_key] = pairs[full_key].limited(metric.entry.most)
        measured: Measured = resolve(metric.entry.function)(pairs[limited_key])
        results.append(_stamped(metric, measured, pairs[limited_key], reference))
        warnings += measured.warnings
    warnings = [*(each.words(names) for each, names in few.items()), *warnings]
    return Evaluation(results=tuple(results), warnings=tuple(dict.fromkeys(warnings)))


def _check_enough(metric: Metric, pair: Pair) -> None:
    check_enough(metric, len(pair.samples) // pair.group, "samples")
    if "reals" in metric.needs:
        check_enough(metric, len(pair.reference) // pair.group, "reference records")


def _stamped(metric: Metric, measured: Measured, pair: Pair, reference: ReferenceFeatures) -> Result:
    entry = metric.extractor
    assert entry is not None
    extractor = reference.taker.extractors[entry]
    held_against = ReferenceStamp()
    if "reals" in metric.needs:
        held_against = replace(reference.stamp, count=len(pair.reference))
    return Result(
        metric=metric.name,
        value=measured.value,
        interval=measured.interval,
        extractor=stamp_of(entry, extractor),
        resize=entry.resize,
        dtype=extractor.dtype,
        samples=len(pair.samples),
        reference=held_against,
        seed=pair.seed,
    )


def _pair(metric: Metric, taken: SampleFeatures, reference: ReferenceFeatures, seed: int) -> Pair:
    kind = metric.features
    samples = taken.rows[kind]
    check_finite(kind, samples, "samples")
    group = len(samples) // len(taken)
    if "reals" not in metric.needs:
        return Pair(samples, samples[:0], seed, group)
    real = reference.features[kind]
    check_finite(kind, real, "reference")
    if samples.shape[1] != real.shape[1] or len(samples) * reference.stamp.count != len(real) * len(taken):
        raise BadInput("samples and reference are not alike: one has clips of another length, or pictures")
    return Pair(samples, real, seed, group)


@dataclass(frozen=True)
class _Few:
    """One side has fewer independent records than there are features.

    Args:
        draws: independent records of the smaller side.
        features: of one record.
        clips: whether records are clips.
    """

    draws: int
    features: int
    clips: bool

    def words(self, kinds: Sequence[str]) -> str:
        """A warning for all kinds of features that this is true of."""
        what, whose = "clips" if self.clips else "records", "the" if len(kinds) == 1 else "their"
        return (
            f"{' and '.join(dict.fromkeys(kinds))}: {self.draws} {what} are fewer than {whose} {self.features} "
            "features, so distances are rough and their intervals wide"
        )


def _few(metric: Metric, pair: Pair) -> _Few | None:
    """Whether the records are too few for a distance of these features; ``None`` where they are enough."""
    draws, features = min(len(pair.samples), len(pair.reference)) // pair.group, pair.samples.shape[1]
    if "reals" not in metric.needs or draws >= features:
        return None
    return _Few(draws, features, clips=pair.group != 1)


def _how_asked(result: Result, entry: MetricEntry, split: Split) -> str:
    """Of how many records a model was asked and how their numbers come about; empty where the metric says it all."""
    if not isinstance(entry, ModelMetric) or not entry.how:
        return ""
    return f"{result.metric}: {counted(result.samples, 'record')} of the split {split.name}; {entry.how}"


def _of_model(opened: Subject, metrics: list[Metric], split: Split, options: EvaluateOptions) -> dict[str, Result]:
    if opened.model is None:
        raise asked_of_samples(metrics[0])
    asked_for = [most for most in (options.count, options.reference) if most is not None]
    indices = chosen_records(split, min(asked_for, default=MODEL_SAMPLES), options.seed)
    measured = measure_model(opened.model, metrics, split, indices, seed=options.seed, batch_size=options.at_once)
    return {
        metric.name: Result(
            metric=metric.name,
            value=measured[metric.name].value,
            interval=measured[metric.name].interval,
            dtype=metric.entry.dtype if isinstance(metric.entry, ModelMetric) else "float32",
            samples=len(indices),
            reference=records_stamp(split, indices),
            seed=options.seed,
        )
        for metric in metrics
    }
