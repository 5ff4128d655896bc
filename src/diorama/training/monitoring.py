"""The averaged model, drawn from and measured while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.contracts import Batch
from diorama.data.dataset import Split
from diorama.evaluation.measures import MEASURES
from diorama.evaluation.reference import ReferenceFeatures, ReferenceOptions, reference_features
from diorama.evaluation.run import measure
from diorama.media.convert import to_uint8
from diorama.media.grid import grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.media.video import write_video
from diorama.methods.base import Method
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import usual
from diorama.synthesis.drawing import draw, pixels_of
from diorama.synthesis.store import model_hash
from diorama.training.recipe import EvaluationConfig
from diorama.training.state import Best

_PICTURES, _CLIPS = 64, 16
_FPS = 8.0
"""Of clips whose data have no clock."""


class ModelView:
    """A synthesizer beside the method, refreshed with the averaged weights when someone looks.

    Its samples are drawn from their own seeds, so that looking does not disturb training.

    Args:
        method: what is trained.
        device: where.
        records: of which samples are given what they have, where the model is given more than labels.
        channels_last: as in training.
    """

    def __init__(self, method: Method, device: torch.device, records: Split | None, *, channels_last: bool) -> None:
        self.config = method.synthesizer()
        self.conditions = usual(self.config.conditions, records)
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

    def samples(self, count: int, *, seed: int) -> Iterator[Batch]:
        """Batches of samples 0 to ``count - 1`` of a seed, as ``diorama sample`` draws them."""
        return draw(self.model, count, seed=seed, conditions=self.conditions)


def write_preview(view: ModelView, folder: Path, number: int, *, recipe: str, seed: int) -> Path:
    """Draw the same samples as every time and write them as a grid, ``NNN.png``, or ``NNN.mp4`` for clips.

    Args:
        view: refreshed.
        folder: where previews lie.
        number: of this one; it replaces an older preview of that number.
        recipe: the recipe's name, for the stamp.
        seed: of the samples.

    Returns:
        The file.
    """
    stamp = SyntheticStamp(model=model_hash(view.model), seed=seed, recipe=recipe)
    media = view.config.media
    count = _PICTURES if media.kind == "image" else _CLIPS
    drawn = to_uint8(torch.cat([pixels_of(batch) for batch in view.samples(count, seed=seed)])).cpu()
    drawn = _in_colour(drawn)
    if media.kind == "image":
        path = folder / f"{number:03d}.png"
        write_image(path, grid(drawn.permute(0, 2, 3, 1).numpy()), stamp)
        return path
    path = folder / f"{number:03d}.mp4"
    moments = drawn.permute(2, 0, 3, 4, 1).numpy()  # (t, n, h, w, c)
    write_video(path, np.stack([grid(pictures) for pictures in moments]), media.fps or _FPS, stamp)
    return path


def _in_colour(drawn: torch.Tensor) -> torch.Tensor:
    """Grey or colour: of other numbers of channels the first is shown."""
    return drawn if drawn.shape[1] in (1, 3) else drawn[:, :1]


def enough(config: EvaluationConfig, val: Split | None) -> bool:
    """Whether a validation split has the records that the recipe's metric needs."""
    measure = MEASURES.get(config.metric.partition("@")[0])
    return val is not None and len(val) >= (measure.least if measure is not None else 1)


class Evaluator:
    """Measures the recipe's metric on fresh samples against the validation split.

    Args:
        config: which metric, on how many samples.
        val: the real records.
        cache: folder for their features, which are taken once.
        seed: of samples and measurement: the same at every evaluation.
    """

    def __init__(self, config: EvaluationConfig, val: Split, cache: Path, seed: int) -> None:
        self.config, self.val, self.cache, self.seed = config, val, cache, seed
        self._reference: ReferenceFeatures | None = None
        self._warnings: dict[str, bool] = {}
        """Each with whether it was given to the caller."""

    def prepare(self, device: torch.device) -> None:
        """Take the real features, so that a metric that cannot be had is refused before training.

        All processes must call it: the first takes the features, and the others find them in the cache.
        """
        options = ReferenceOptions(seed=self.seed, device=str(device), cache=self.cache)
        metrics = (self.config.metric,)
        self._reference = distributed.first_before_others(lambda: reference_features(self.val, metrics, options))

    def __call__(self, view: ModelView) -> tuple[dict[str, Any], ...]:
        """Stamped results, as JSON, of the model as it was last refreshed; all processes must call it."""
        assert self._reference is not None, "prepare comes first"
        evaluation = None
        if distributed.is_first():
            samples = map(pixels_of, view.samples(self.config.samples, seed=self.seed))
            evaluation = measure(samples, self._reference, (self.config.metric,), seed=self.seed)
        evaluation = distributed.share(evaluation)
        assert evaluation is not None
        self._warnings = {warning: self._warnings.get(warning, False) for warning in evaluation.warnings}
        return tuple(asdict(result) for result in evaluation.results)

    def warnings(self) -> tuple[str, ...]:
        """What the reader of the results must be warned of and has not been before."""
        new = tuple(warning for warning, given in self._warnings.items() if not given)
        self._warnings = dict.fromkeys(self._warnings, True)
        return new

    def better(self, results: tuple[Mapping[str, Any], ...], best: Best | None) -> Mapping[str, Any] | None:
        """The result that makes the model the best so far, or ``None``."""
        (result,) = (r for r in results if r["metric"] == self.config.metric)
        lower = self.config.lower_is_better
        return result if best is None or best.beaten_by(result["value"], lower_is_better=lower) else None
