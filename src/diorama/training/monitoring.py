"""The averaged model, drawn from and measured while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch, pixels_of
from diorama.data.dataset import Split
from diorama.data.partners import partners_of
from diorama.data.training_sets import TrainingData
from diorama.evaluation.catalog.metrics import catalog_with, parse_metric
from diorama.evaluation.protocol import to_json
from diorama.evaluation.reference import ReferenceFeatures, ReferenceOptions, reference_features
from diorama.evaluation.run import measure_shared
from diorama.media.convert import displayable
from diorama.media.grid import grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import UNKNOWN_FPS, write_video
from diorama.methods.base import Method
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.conditions import drawn_key, draws_of_pairs, draws_partners, given_picture, usual
from diorama.synthesis.drawing import DrawOptions, different, draw, share_of
from diorama.synthesis.store import model_hash
from diorama.training.recipe import EvaluationConfig
from diorama.training.state import Best

_PICTURES, _CLIPS, _BESIDE_GIVEN = 64, 16, 24


class ModelView:
    """A synthesizer beside the method, refreshed with the averaged weights when someone looks.

    Its samples are drawn from their own seeds, so that looking does not disturb training.

    Args:
        method: what is trained.
        device: where.
        records: of which samples are given what they have, where the model is given more than labels.
        most: samples that are drawn at once, beside previews.
        channels_last: as in training.
    """

    def __init__(
        self, method: Method, device: torch.device, records: Split | None, most: int, *, channels_last: bool
    ) -> None:
        self.config = method.synthesizer()
        self.conditions = usual(self.config.conditions, records, max(most, _PICTURES))
        self.truth = _truth(self.config, records, self.conditions.records[:_BESIDE_GIVEN])
        self._device, self._channels_last = device, channels_last
        self._model: Synthesizer | None = None

    @property
    def model(self) -> Synthesizer:
        """The synthesizer as it was last refreshed."""
        assert self._model is not None, "refresh comes first"
        return self._model

    def refresh(self, tensors: Mapping[str, Tensor]) -> Synthesizer:
        """The synthesizer with these weights, in evaluation mode on the device."""
        if self._model is None:
            # Building draws initial weights, which are overwritten at once.
            self._model = self.config.build().to(self._device).eval().requires_grad_(False)
            if self._channels_last:
                devices.channels_last(self._model)
        self._model.load_state_dict(dict(tensors))
        return self._model

    def samples(self, count: int, *, seed: int, first: int = 0) -> Iterator[Batch]:
        """Batches of samples ``first … first + count - 1`` of a seed, as ``diorama sample`` draws them."""
        options = DrawOptions(first=first)
        return draw(self.model, count, seed=seed, conditions=self.conditions, options=options)


def write_preview(view: ModelView, folder: Path, name: str, *, recipe: str, seed: int) -> Path:
    """Draw the same samples as every time and write them as a grid, ``NAME.png``, or ``NAME.mp4`` for clips.

    Args:
        view: refreshed.
        folder: where previews lie.
        name: of this one; it replaces an older preview of that name.
        recipe: the recipe's name, for the stamp.
        seed: of the samples.

    Returns:
        The file.
    """
    stamp = SyntheticStamp(model=model_hash(view.model), seed=seed, recipe=recipe)
    media = view.config.media
    key = given_picture(view.config.conditions)
    count = _CLIPS if media.kind == "video" else _PICTURES if key is None else _BESIDE_GIVEN
    count = different(view.model, count, view.conditions)
    drawn = torch.cat([pixels_of(batch) for batch in view.samples(count, seed=seed)])
    laid = grid(displayable(drawn) if key is None else _beside_given(view, drawn, key))
    if media.kind == "image":
        path = folder / f"{name}.png"
        write_image(path, laid, stamp)
        return path
    path = folder / f"{name}.mp4"
    write_video(path, laid, media.fps or UNKNOWN_FPS, stamp)
    return path


def _truth(config: SynthesizerConfig, records: Split | None, numbers: Sequence[int]) -> Tensor | None:
    """What a model that is given pictures should draw of some records; ``None`` where nobody knows."""
    if records is None or not numbers or not draws_of_pairs(config.media, config.conditions, records):
        return None
    key = drawn_key(config.media, config.conditions)
    return records.read(np.array(numbers), [key])[key]


def _beside_given(view: ModelView, drawn: Tensor, key: str) -> np.ndarray:
    """Each drawn picture between the one that it was drawn of and, where there is one, the true one: (n, h, w, 3)."""
    shown = [view.conditions.of(range(len(drawn)))[key], drawn]
    shown += [] if view.truth is None else [view.truth[: len(drawn)]]
    size = drawn.shape[2:]
    return np.concatenate([displayable(F.interpolate(x.cpu().float(), size)) for x in shown], axis=2)


def records_for(data: TrainingData, config: SynthesizerConfig) -> tuple[Split, Split | None]:
    """What samples are given and held against while training.

    Args:
        data: that is trained on.
        config: of the model.

    Returns:
        Records to give: held-out ones where these have the picture that the model reads, if any, since what training
        has seen says less of the model. And held-out real ones of what it draws; ``None`` where there are none.
    """
    train, val = data.train[0][0], data.val
    if val is None:
        return train, None
    held = (None, data.info.media.kind, *(spec.key for spec in val.info.sides))
    to_give = val if given_picture(config.conditions) in held else train
    return to_give, partners_of(val) if draws_partners(config.media, config.conditions) else val


def why_not_measured(
    config: EvaluationConfig, model: SynthesizerConfig, val: Split | None, catalog: Sequence[object] = ()
) -> str:
    """Why the recipe's metric cannot be taken of its models, for people; empty where it can.

    Args:
        config: the recipe's.
        model: what is trained.
        val: the real records, if there are any.
        catalog: a user's own, whose metrics the recipe may name.
    """
    if not model.draws:
        return "they draw nothing"
    known = catalog_with(catalog)
    found = [metric for name in (config.metric, *config.beside) if (metric := known.find(name)) is not None]
    if val is None or len(val) < max((metric.entry.least for metric in found), default=1):
        return "the data have no split `val` that is large enough"
    return ""


class Evaluator:
    """Measures the recipe's metrics on fresh samples against the validation split.

    Args:
        config: which metric, on how many samples.
        val: the real records.
        cache: folder for their features, which are taken once.
        seed: of samples and measurement: the same at every evaluation.
        catalog: a user's own, whose metrics the recipe may name.
    """

    def __init__(
        self, config: EvaluationConfig, val: Split, cache: Path, seed: int, catalog: Sequence[object] = ()
    ) -> None:
        self.config, self.val, self.cache, self.seed = config, val, cache, seed
        self.catalog = tuple(catalog)
        self.metric = parse_metric(config.metric, catalog)
        self.names = (config.metric, *config.beside)
        self._options: ReferenceOptions | None = None
        self._reference: ReferenceFeatures | None = None
        self._warnings: dict[str, bool] = {}
        """Each with whether it was given to the caller."""

    def prepare(self, device: torch.device) -> None:
        """See on a few records that the metric can be had, so that one that cannot is refused before training.

        The real features wait for the first measurement: those of many clips take longer than a short run.
        All processes must call it.
        """
        self._options = ReferenceOptions(
            seed=self.seed, device=str(device), cache=self.cache, catalog=self.catalog, shared=True
        )
        few = replace(self._options, count=min(len(self.val), distributed.world_size()), cache=None)
        reference_features(self.val, self.names, few)

    def __call__(self, view: ModelView) -> tuple[dict[str, Any], ...]:
        """Stamped results, as JSON, of the model as it was last refreshed.

        All processes must call it: each draws and looks at its share of the samples, and at first of the records.
        """
        assert self._options is not None, "prepare comes first"
        if self._reference is None:
            self._reference = reference_features(self.val, self.names, self._options)
        first, count = share_of(different(view.model, self.config.samples, view.conditions))
        samples = view.samples(count, seed=self.seed, first=first)
        evaluation = measure_shared(samples, self._reference, self.names, seed=self.seed)
        evaluation = evaluation.drawn_by(view.model.drawn_in_steps)
        self._warnings = {warning: self._warnings.get(warning, False) for warning in evaluation.warnings}
        return tuple(to_json(evaluation.results)["results"])

    def warnings(self) -> tuple[str, ...]:
        """What the reader of the results must be warned of and has not been before."""
        new = tuple(warning for warning, given in self._warnings.items() if not given)
        self._warnings = dict.fromkeys(self._warnings, True)
        return new

    def better(self, results: tuple[Mapping[str, Any], ...], best: Best | None) -> Mapping[str, Any] | None:
        """The result that makes the model the best so far, or ``None``."""
        (result,) = (r for r in results if r["metric"] == self.config.metric)
        return result if best is None or self.metric.improved_by(result["value"], best.result["value"]) else None
