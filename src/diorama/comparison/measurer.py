"""One protocol for all: the same real records, as many samples, the same seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diorama.comparison.columns import Column
from diorama.comparison.options import CompareOptions
from diorama.comparison.pictures import Drawing, evenly_spaced
from diorama.comparison.reals import CompareReals
from diorama.comparison.showing import BETWEEN, CLIPS, PICTURES, PLACES, STAGED, STAGES
from diorama.core.contracts import Batch, pixels_of
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset
from diorama.evaluation.catalog.metrics import comparing_metrics
from diorama.evaluation.familiar import is_world
from diorama.evaluation.records import batches
from diorama.evaluation.reference import reference_features
from diorama.evaluation.run import EvaluateOptions, Evaluation, evaluate, measure
from diorama.evaluation.samples import open_samples
from diorama.media.convert import displayable
from diorama.synthesis.base import AS_TRAINED, Sampling, Synthesizer
from diorama.synthesis.conditions import SampleConditions, draws_partners, usual
from diorama.synthesis.drawing import DrawOptions
from diorama.synthesis.showing import between_seeds, stages_from_noise
from diorama.synthesis.store import model_hash

COUNTS = {"image": 2_000, "video": 256}
"""Samples of each generator by default."""

TEXTS = "tokens"
"""The key of texts in a batch."""


class Measurer:
    """Draws from and measures whatever joins a comparison, all under one protocol.

    Args:
        dataset: the real records.
        options: the comparison's.
        device: where models and extractors run.
        cache: folder for features of the real records.
        partners: what stands beside the records is drawn, and not they.

    Raises:
        WrongValue: the data have no such split.
        BadInput: nothing stands beside the records.
    """

    def __init__(
        self, dataset: Dataset, options: CompareOptions, device: torch.device, cache: Path, *, partners: bool = False
    ) -> None:
        self.reals, self.options, self.device = CompareReals(dataset, partners=partners), options, device
        self.media = self.reals.info.media
        self.split = self.reals.split(options.split)
        self.count = options.count or COUNTS[self.media.kind]
        self.kept = PICTURES if self.media.kind == "image" else CLIPS
        self.metrics = options.metrics or comparing_metrics(self.media, of_world=is_world(self.split))
        self.evaluation = EvaluateOptions(
            metrics=self.metrics,
            split=options.split,
            count=self.count,
            reference=options.reference,
            seed=options.seed,
            batch_size=options.batch_size,
            device=str(device),
            cache=cache,
            sampling=options.sampling,
            catalog=options.catalog,
        )
        self.reference = reference_features(self.split, self.metrics, self.evaluation.reference_options)
        self.notes: list[str] = []

    def measure_model(self, model: Synthesizer, column: Column, sampling: Sampling = AS_TRAINED) -> Column:
        """Draw from a model and measure it.

        Args:
            model: on any device.
            column: what is known of it so far.
            sampling: in place of its own, and beside what all are drawn with.
        """
        chosen = self._resampled(model.to(self.device).eval(), column.name).resampled(sampling)
        config = model.config
        if draws_partners(config.media, config.conditions) and not self.reals.partners:
            raise BadInput(f"{column.name}: draws what stands beside the records, and the others draw the records")
        conditions = usual(config.conditions, self.reals.given(config.conditions, self.options.split), self.count)
        options = DrawOptions(batch_size=self.options.batch_size)
        drawing = Drawing(chosen, self.count, self.options.seed, conditions, options, keep=self.kept)
        metrics = self._metrics_of(column.name, texts=any(spec.key == TEXTS for spec in config.conditions))
        evaluation = measure(drawing, self.reference, metrics, seed=self.options.seed)
        evaluation = evaluation.drawn_by(chosen.drawn_in_steps)
        return replace(
            self._with_walks(column, chosen, conditions),
            parameters=sum(p.numel() for p in model.parameters()),
            model=model_hash(model),
            count=self.count,
            results=tuple(evaluation.results),
            warnings=tuple(evaluation.warnings),
            seconds=drawing.seconds,
            pictures=drawing.kept,
        )

    def _with_walks(self, column: Column, model: Synthesizer, conditions: SampleConditions) -> Column:
        """The column with samples on their way from noise and from seed to seed, where the report shows its samples and
        these begin with noise."""
        if not column.traits.shown:
            return column
        seed = self.options.seed
        if not math.prod(model.noise_shape):
            return column
        stages = stages_from_noise(model, STAGED, STAGES, seed=seed, conditions=conditions)
        between = between_seeds(model, BETWEEN, PLACES, seed=seed, conditions=conditions)
        return replace(
            column, stages=None if stages is None else _middle_frame(_in_rows(stages)), between=_in_rows(between)
        )

    def _resampled(self, model: Synthesizer, name: str) -> Synthesizer:
        """The model with the sampler, steps and guidance that are asked for, as far as it has them; a note says what
        was left out."""
        possible, left, why = AS_TRAINED, [], ""
        for key, value in asdict(self.options.sampling).items():
            if value is None:
                continue
            try:
                model.resampled(replace(possible, **{key: value}))
            except BadInput as problem:
                left.append(key)
                # What to do about it was said to the one who asked, and here it is done.
                why = str(problem).removesuffix("; leave that out")
            else:
                possible = replace(possible, **{key: value})
        if left:
            self.notes.append(f"{name} is drawn with its own {' and '.join(left)}: {why}.")
        return model.resampled(possible)

    def _metrics_of(self, name: str, *, texts: bool) -> tuple[str, ...]:
        """The metrics that can be taken: those of texts only where samples were drawn of some. A note says which are
        left out."""
        catalog = self.reference.catalog
        missing = [m for m in self.metrics if not texts and "texts" in catalog.metric(m).needs]
        if missing:
            self.notes.append(f"{name} comes without texts, and so without {' and '.join(missing)}.")
        return tuple(metric for metric in self.metrics if metric not in missing)

    def measure_samples(self, name: str, path: Path) -> Column:
        """Measure a folder or archive of other people's samples.

        Raises:
            BadInput: it cannot be read, or holds fewer samples than are compared.
        """
        texts = TEXTS in next(iter(open_samples(path, self.media)))
        as_they_are = replace(self.evaluation, sampling=AS_TRAINED, metrics=self._metrics_of(name, texts=texts))
        # Without names the default metrics would be taken.
        measured = evaluate(path, self.split, as_they_are) if as_they_are.metrics else Evaluation(results=())
        return Column(
            name=name,
            kind="samples",
            count=self.count,
            results=measured.results,
            warnings=measured.warnings,
            pictures=_first(open_samples(path, self.media), self.kept),
            origin=path.name,
        )

    def measure_held_out(self) -> Column | None:
        """Real records that no generator was trained on, measured as if a generator had drawn them.

        Returns:
            ``None`` where no other split has as many records as there are samples; :meth:`why_none_held_out` says so.
        """
        for name, records_there in self._others().items():
            if records_there >= self.count:
                split = self.reals.split(name)
                records = batches(split, evenly_spaced(split, self.count), self.evaluation.at_once)
                metrics = self._metrics_of("real", texts=TEXTS in split.sides)
                evaluation = measure(records, self.reference, metrics, seed=self.options.seed)
                return Column(name="real", kind="real", count=self.count, results=tuple(evaluation.results))
        return None

    def why_none_held_out(self) -> str:
        """Why held-out records are missing, in a sentence."""
        most = max(self._others().values(), default=0)
        return (
            f"Held-out real records are left out: no split but {self.options.split} has as many as the "
            f"{self.count:,} samples of each generator (the largest has {most:,})."
        )

    def _others(self) -> dict[str, int]:
        """Records of the splits that nothing is held against, and no generator was trained on."""
        return {name: self.reals.splits.get(name, 0) for name in ("test", "val") if name != self.options.split}


def _in_rows(x: Tensor) -> np.ndarray:
    """(n, k, c, …) in [-1, 1] as it is shown, (n, k, …, 3) uint8."""
    shown = displayable(x.flatten(0, 1))
    return shown.reshape(*x.shape[:2], *shown.shape[1:])


def _middle_frame(rows: np.ndarray) -> np.ndarray:
    """(n, k, h, w, 3) of pictures as they are, of clips (n, k, t, h, w, 3) the frame in the middle."""
    return rows[:, :, rows.shape[2] // 2] if rows.ndim == 6 else rows


def _first(samples: Iterator[Batch], count: int) -> np.ndarray:
    """The first samples of a stream of batches, as they are shown."""
    kept: list[np.ndarray] = []
    for batch in islice(samples, count):
        kept.append(displayable(pixels_of(batch)))
        if sum(map(len, kept)) >= count:
            break
    return np.concatenate(kept)[:count]
