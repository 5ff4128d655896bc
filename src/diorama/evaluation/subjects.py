"""Whatever can be measured, as batches of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from diorama.core import distributed
from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.data.dataset import Split, is_prepared, open_dataset
from diorama.data.raw import MeasuredAs
from diorama.evaluation.records import AT_ONCE, batches, chosen_records
from diorama.evaluation.reference import ReferenceOptions
from diorama.evaluation.samples import SampleFolder
from diorama.interop.checkpoint import is_diffusers_folder
from diorama.synthesis.base import AS_TRAINED, Sampling, Synthesizer, require_drawing
from diorama.synthesis.conditions import given_picture, reals_for, usual
from diorama.synthesis.drawing import DrawOptions, different, draw, share_of
from diorama.synthesis.guided import guided_by, idle_guidance, require_guidance
from diorama.synthesis.store import holds_model, load, model_folder, read_config

MODEL_SAMPLES = 2_000
"""Samples that are drawn of a model where nothing else is asked for."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What is measured, and on how much.

    Args:
        metrics: names; empty for the default ones of the media.
        split: of the data that the subject is held against; ``None`` for ``train`` of prepared data, or ``test`` or
            ``val`` where pictures of it are put to a model, and for all of a raw folder.
        subject_split: of data that are themselves the subject; ``None`` for ``test`` of prepared data, and for all of a
            folder of samples.
        size: side in pixels that raw pictures of both sides are cropped and scaled to; ``None`` for their own.
        count: samples; ``None`` for all of a folder or split, 2,000 of a model. Metrics that a model is asked for take
            as many real records, or ``reference`` where those are fewer.
        reference: real records; ``None`` for the whole split.
        seed: of the samples and of every draw of the measurement.
        batch_size: samples at a time; ``None`` for as many as memory holds; changes no answer.
        sampling: sampler, steps and guidance, in place of the model's own.
        guide: a model that guides the one that is measured; ``None`` for none.
        device: where model and extractors run.
        cache: folder for reference features; ``None`` for none.
        catalog: a user's own: config classes that a model folder may name, and metrics that may be asked for.
    """

    metrics: tuple[str, ...] = ()
    split: str | None = None
    subject_split: str | None = None
    size: int | None = None
    count: int | None = None
    reference: int | None = None
    seed: int = 0
    batch_size: int | None = None
    sampling: Sampling = AS_TRAINED
    guide: Path | None = None
    device: str = "cpu"
    cache: Path | None = None
    catalog: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        for name in ("count", "reference", "batch_size", "size"):
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
        reals: what they are held against.
        model: that draws them, if one does.
        sampling: how it draws them; ``None`` where no model does, or in one pass.
        warnings: what was left out, once the batches have been read.
        notes: how samples were read, once they have been.
        raw: they are files that nobody prepared.
        count: how many samples there are; ``None`` where that is known only when all have been read.
    """

    batches: Iterable[Batch]
    reals: Split
    model: Synthesizer | None = None
    sampling: Sampling | None = None
    warnings: Callable[[], list[str]] = list
    notes: Callable[[], list[str]] = list
    raw: bool = False
    count: int | None = None


def is_given_pictures(subject: Path | str | Synthesizer, catalog: Sequence[object]) -> bool:
    """Whether what is measured is a model that is given pictures, so that held-out ones should be put to it."""
    if isinstance(subject, Synthesizer):
        return given_picture(subject.config.conditions) is not None
    path = Path(subject)
    if not holds_model(path) or is_diffusers_folder(path):
        return False
    return given_picture(read_config(model_folder(path), catalog).conditions) is not None


def open_subject(subject: Path | str | Synthesizer, against: Split, options: EvaluateOptions) -> Subject:
    """A folder or archive of samples, a prepared data set, a model or run folder, or a Synthesizer.

    Args:
        subject: which.
        against: the real records; samples of a model that is given captions, say, are given theirs. One that draws what
            stands beside records is held against that.
        options: count, seed, batch size, device.

    Raises:
        BadInput: it is none of these, or draws other media than the reference.
    """
    if isinstance(subject, Synthesizer):
        return _of_model(subject.to(torch.device(options.device)).eval(), against, options)
    path = Path(subject)
    if holds_model(path):
        model = load(path, device=options.device, catalog=options.catalog)
        require_drawing(model, path)
        if options.guide is not None:
            guide = load(options.guide, device=options.device, catalog=options.catalog)
            model = guided_by(model, guide)
            require_guidance(model, options.sampling)
        return _of_model(model, against, options)
    if options.sampling != AS_TRAINED or options.guide is not None:
        raise BadInput(f"{path}: is no model, so sampler, steps and guidance of its samples cannot be changed")
    if is_prepared(path):
        return _of_split(path, against, options)
    samples = SampleFolder(
        path,
        against.info.media,
        classes=against.info.classes,
        count=options.count,
        seed=options.seed,
        batch_size=options.at_once,
        how=MeasuredAs(split=options.subject_split, size=options.size),
    )

    def notes() -> list[str]:
        return [*samples.notes(), *rates_note(samples.rates, against)]

    few = look_first(samples)
    return Subject(_own_turns(samples), against, warnings=samples.warnings, notes=notes, raw=True, count=few)


def look_first(samples: SampleFolder) -> int | None:
    """Read the first batch of a folder: taking features of all real records may last for minutes, and what can be
    refused is refused before it.

    Returns:
        How many samples there are, where they do not fill that batch, else ``None``.

    Raises:
        BadInput: as reading the samples does: none can be read, or one has another size than the reference.
    """
    found = len(next(iter(samples))["index"])
    return found if found < samples.batch_size else None


def _own_turns(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Every so many-th batch, where there are so many processes: reading costs little beside taking features."""
    return islice(batches, distributed.rank(), None, distributed.world_size())


def _of_model(model: Synthesizer, against: Split, options: EvaluateOptions) -> Subject:
    if options.subject_split is not None:
        raise BadInput(f"subject_split {options.subject_split!r}: a model has no splits; leave it out")
    config = model.config
    reals = reals_for(config.media, config.conditions, against)
    require_shape("the model draws", config.media, reals.info.media)
    rate = config.media.fps or 0.0
    chosen, asked = model.resampled(options.sampling), options.count or MODEL_SAMPLES
    conditions = usual(config.conditions, against, asked)
    count = different(model, asked, conditions)
    first, share = share_of(count)
    drawn = draw(
        chosen,
        share,
        seed=options.seed,
        conditions=conditions,
        options=DrawOptions(batch_size=options.batch_size, first=first),
    )
    said = [idle_guidance(options.sampling, chosen, conditions)]
    if count < asked and options.count is not None:
        said.append(f"{count:,} samples are drawn and not {asked:,}: the model makes one of each picture it is given")
    return Subject(
        drawn,
        reals,
        model,
        chosen.drawn_in_steps,
        notes=lambda: [*filter(None, said), *rates_note([rate], reals)],
        count=count,
    )


def _of_split(path: Path, against: Split, options: EvaluateOptions) -> Subject:
    split = open_dataset(path).split(options.subject_split or "test")
    require_shape(f"{path} holds", split.info.media, against.info.media)
    if options.count is not None and options.count > len(split):
        raise BadInput(f"{path}: split {split.name} has {len(split):,} records, {options.count:,} are asked for")
    # One draw must not choose both sides alike when a split is held against itself.
    indices = chosen_records(split, options.count, options.seed + 1)
    rates = split.fps(indices).tolist()
    which = f"{path}: its split {split.name}, {in_words(len(indices), split.info.media)}"
    return Subject(
        _own_turns(batches(split, indices, options.at_once)),
        against,
        notes=lambda: [which, *rates_note(rates, against)],
        count=len(indices),
    )


def in_words(count: int, media: MediaSpec) -> str:
    """How many records of what there are."""
    if media.frames is None:
        return f"{counted(count, 'picture')} of {media.width}x{media.height}"
    return f"{counted(count, 'clip')} of {counted(media.frames, 'frame')} of {media.width}x{media.height}"


def rates_note(own: Iterable[float], against: Split) -> list[str]:
    """What is said where clips of two rates are held against each other.

    Args:
        own: frames a second that samples state, 0 for those that state none.
        against: the reference.
    """
    samples, real = _rates(own), _rates(against.fps(np.arange(len(against))).tolist())
    if against.info.media.kind != "video" or samples == real or not samples or not real:
        return []
    return [
        f"samples state {samples} frames a second and the reference {real}: they are compared frame by frame (`diorama "
        "prepare --fps N` brings both to one rate)"
    ]


def _rates(found: Iterable[float]) -> str:
    known = sorted({float(f"{fps:.3g}") for fps in found if fps > 0})
    return f"{known[0]:g}" if len(known) == 1 else f"{known[0]:g} to {known[-1]:g}" if known else ""


def require_shape(what: str, own: MediaSpec, reference: MediaSpec) -> None:
    """Refuse media of another kind or size.

    Raises:
        BadInput: naming both.
    """
    if own.shape != reference.shape:
        fits = own.kind == reference.kind and own.height == own.width
        way = f" (--size {own.height} brings files that are not prepared to its size)" if fits else ""
        raise BadInput(
            f"{what} {own.kind}s of shape {own.shape} and the reference {reference.kind}s of shape {reference.shape} "
            f"(channels first); only like is measured against like{way}"
        )
