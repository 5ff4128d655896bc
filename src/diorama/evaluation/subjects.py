"""Whatever can be measured, as batches of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from diorama.core import distributed
from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Split, is_prepared, open_dataset
from diorama.evaluation.records import AT_ONCE, batches, chosen_records
from diorama.evaluation.reference import ReferenceOptions
from diorama.evaluation.samples import SampleFolder
from diorama.synthesis.base import AS_TRAINED, Sampling, Synthesizer
from diorama.synthesis.conditions import draws_partners, usual
from diorama.synthesis.drawing import DrawOptions, draw, share_of
from diorama.synthesis.store import holds_model, load

MODEL_SAMPLES = 2_000
"""Samples that are drawn of a model where nothing else is asked for."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What is measured, and on how much.

    Args:
        metrics: names; empty for the default ones of the media.
        split: of the data that the subject is held against.
        subject_split: of a prepared data set that is itself the subject.
        count: samples; ``None`` for all of a folder or split, 2,000 of a model.
        reference: real records; ``None`` for the whole split.
        seed: of the samples and of every draw of the measurement.
        batch_size: samples at a time; ``None`` for as many as memory holds; changes no answer.
        sampling: sampler, steps and guidance, in place of the model's own.
        device: where model and extractors run.
        cache: folder for reference features; ``None`` for none.
        catalog: a user's own: config classes that a model folder may name, and metrics that may be asked for.
    """

    metrics: tuple[str, ...] = ()
    split: str = "train"
    subject_split: str = "test"
    count: int | None = None
    reference: int | None = None
    seed: int = 0
    batch_size: int | None = None
    sampling: Sampling = AS_TRAINED
    device: str = "cpu"
    cache: Path | None = None
    catalog: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        for name in ("count", "reference", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must be in [0, 2^63), got {self.seed}")

    @property
    def at_once(self) -> int:
        """Records that are read, and measured, at a time."""
        return self.batch_size or AT_ONCE

    @property
    def reference_options(self) -> ReferenceOptions:
        """How features of the real records are taken."""
        return ReferenceOptions(
            count=self.reference,
            seed=self.seed,
            batch_size=self.at_once,
            device=self.device,
            cache=self.cache,
            catalog=self.catalog,
        )


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Args:
        batches: this process's share of the samples, in [-1, 1], with ``index`` and what they were given; read once.
        model: that draws them, if one does.
        sampling: how it draws them; ``None`` where no model does, or in one pass.
        warnings: what was left out, once the batches have been read.
    """

    batches: Iterable[Batch]
    model: Synthesizer | None = None
    sampling: Sampling | None = None
    warnings: Callable[[], list[str]] = list


def open_subject(subject: Path | str | Synthesizer, against: Split, options: EvaluateOptions) -> Subject:
    """A folder or archive of samples, a prepared data set, a model or run folder, or a Synthesizer.

    Args:
        subject: which.
        against: the real records; samples of a model that is given captions, say, are given theirs.
        options: count, seed, batch size, device.

    Raises:
        BadInput: it is none of these, or draws other media than the reference.
    """
    info, media = against.info, against.info.media
    if isinstance(subject, Synthesizer):
        return _of_model(subject.to(torch.device(options.device)).eval(), against, options)
    path = Path(subject)
    if holds_model(path):
        return _of_model(load(path, device=options.device, catalog=options.catalog), against, options)
    if options.sampling != AS_TRAINED:
        raise BadInput(f"{path}: is no model, so sampler, steps and guidance of its samples cannot be changed")
    if is_prepared(path):
        return _of_split(path, media, options)
    samples = SampleFolder(
        path,
        media,
        classes=info.classes,
        count=options.count,
        seed=options.seed,
        batch_size=options.at_once,
    )
    return Subject(_own_turns(samples), warnings=samples.warnings)


def _own_turns(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Every so many-th batch, where there are so many processes: reading costs little beside taking features."""
    return islice(batches, distributed.rank(), None, distributed.world_size())


def _of_model(model: Synthesizer, against: Split, options: EvaluateOptions) -> Subject:
    if draws_partners(model.config.media, model.config.conditions):
        raise BadInput(
            "the model is given pictures and draws their partners, which are not the records of "
            f"{against.info.name}: draw a folder of samples (--records) and hold it against data of such partners"
        )
    require_shape("the model draws", model.config.media, against.info.media)
    chosen, count = model.resampled(options.sampling), options.count or MODEL_SAMPLES
    first, share = share_of(count)
    drawn = draw(
        chosen,
        share,
        seed=options.seed,
        conditions=usual(model.config.conditions, against, count),
        options=DrawOptions(batch_size=options.batch_size, first=first),
    )
    return Subject(drawn, model, chosen.drawn_in_steps)


def _of_split(path: Path, media: MediaSpec, options: EvaluateOptions) -> Subject:
    split = open_dataset(path).split(options.subject_split)
    require_shape(f"{path} holds", split.info.media, media)
    if options.count is not None and options.count > len(split):
        raise BadInput(f"{path}: split {split.name} has {len(split)} records, {options.count} are asked for")
    # One draw must not choose both sides alike when a split is held against itself.
    indices = chosen_records(split, options.count, options.seed + 1)
    return Subject(_own_turns(batches(split, indices, options.at_once)))


def require_shape(what: str, own: MediaSpec, reference: MediaSpec) -> None:
    """Refuse media of another kind or size.

    Raises:
        BadInput: naming both.
    """
    if own.shape != reference.shape:
        raise BadInput(
            f"{what} {own.kind}s of shape {own.shape} and the reference {reference.kind}s of shape {reference.shape} "
            "(channels first); only like is measured against like"
        )
