"""Samples that a report draws and shows, and records spread over a split."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from diorama.core.contracts import Batch, pixels_of
from diorama.data.dataset import Split
from diorama.media.convert import displayable, to_float, to_stored
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import SampleConditions
from diorama.synthesis.drawing import DrawOptions, draw


def evenly_spaced(split: Split, most: int) -> np.ndarray:
    """Indices of at most ``most`` records, evenly spread over a split."""
    return np.unique(np.linspace(0, len(split) - 1, min(most, len(split))).round().astype(np.int64))


class Drawing:
    """A model's samples, batch by batch, in the units that files would hold; the clock runs only while it draws.

    Args:
        model: asked for samples.
        count: how many.
        seed: of the samples.
        conditions: what each sample is given.
        options: how they are drawn.
        keep: the first samples that stay for the report.
    """

    def __init__(
        self,
        model: Synthesizer,
        count: int,
        seed: int,
        conditions: SampleConditions,
        options: DrawOptions,
        *,
        keep: int,
    ) -> None:
        self.model, self.count, self.seed, self.keep = model, count, seed, keep
        self.options, self.conditions = options, conditions
        self.seconds = 0.0
        self._kept: list[np.ndarray] = []

    def __iter__(self) -> Iterator[Batch]:
        """Batches with the pixels, ``index``, and what the samples were given."""
        media, room = self.model.config.media, self.keep
        self.seconds, self._kept = 0.0, []
        started = time.perf_counter()
        drawing = draw(self.model, self.count, seed=self.seed, conditions=self.conditions, options=self.options)
        for batch in drawing:
            # Rounded as a written file would be, so that a model and a folder of its samples score alike. Bringing
            # the values to the host waits for the device, so the clock is right.
            x = to_float(torch.from_numpy(to_stored(pixels_of(batch), media)), media)
            self.seconds += time.perf_counter() - started
            if room > 0:
                self._kept.append(displayable(x[:room]))
                room -= len(self._kept[-1])
            yield {**batch, media.kind: x}
            started = time.perf_counter()

    @property
    def kept(self) -> np.ndarray:
        """The first samples, as :func:`displayable` shows them."""
        return np.concatenate(self._kept)
