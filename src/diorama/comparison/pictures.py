"""Samples as a reader sees them: three channels of eight bits, whatever the data are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from diorama.core.contracts import Batch
from diorama.data.dataset import Split
from diorama.media.convert import to_float, to_stored, to_uint8
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.draw import DrawOptions, draw_batches


def visible(x: Tensor) -> np.ndarray:
    """What can be shown of a batch.

    Args:
        x: (b, c, h, w) or (b, c, t, h, w) in [-1, 1]; one channel is grey, of more than three the first are shown.

    Returns:
        (b, h, w, 3) or (b, t, h, w, 3) uint8.
    """
    shown = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, *x.shape[2:])
    return to_uint8(shown).movedim(1, -1).contiguous().cpu().numpy()


def spread(split: Split, most: int) -> np.ndarray:
    """Indices of at most ``most`` records, evenly spread over a split."""
    return np.unique(np.linspace(0, len(split) - 1, min(most, len(split))).round().astype(np.int64))


class Drawing:
    """A model's samples, batch by batch, in the units that files would hold; the clock runs only while it draws.

    Args:
        model: asked for samples; classes, where it knows any, take turns.
        count: how many.
        seed: of the samples.
        size: of a batch.
        keep: the first samples that stay for the report.
    """

    def __init__(self, model: Synthesizer, count: int, *, seed: int, size: int, keep: int) -> None:
        self.model, self.count, self.seed, self.keep = model, count, seed, keep
        self.options = DrawOptions(batch_size=size, label="all" if model.config.classes else None)
        self.seconds = 0.0
        self._kept: list[np.ndarray] = []

    def __iter__(self) -> Iterator[Batch]:
        """Batches with the pixels, ``index``, and ``label`` where classes take turns."""
        media, room = self.model.config.media, self.keep
        self.seconds, self._kept = 0.0, []
        started = time.perf_counter()
        for indices, drawn in draw_batches(self.model, self.count, seed=self.seed, options=self.options):
            # Rounded as a written file would be, so that a model and a folder of its samples score alike. Bringing
            # the values to the host waits for the device, so the clock is right.
            x = to_float(torch.from_numpy(to_stored(drawn, media)), media)
            self.seconds += time.perf_counter() - started
            if room > 0:
                self._kept.append(visible(x[:room]))
                room -= len(self._kept[-1])
            yield {media.kind: x, "index": torch.tensor(indices), **self._condition(indices)}
            started = time.perf_counter()

    def _condition(self, indices: Sequence[int]) -> Batch:
        classes = len(self.model.config.classes)
        return {"label": torch.tensor(indices) % classes} if classes else {}

    @property
    def kept(self) -> np.ndarray:
        """The first samples, as :func:`visible` shows them."""
        return np.concatenate(self._kept)
