"""Does a generator repeat its training data? The closest training record beside each sample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from diorama.comparison.columns import Neighbours


def nearest(samples: dict[str, np.ndarray], records: Iterable[np.ndarray], *, show: bool) -> dict[str, Neighbours]:
    """For all generators in one pass over the training data, by root mean square difference of pixels.

    Args:
        samples: by generator, uint8 (n, ...) of one shape.
        records: batches of training records of the same shape, uint8 (b, ...).
        show: keep the pictures of the closest records.

    Returns:
        Neighbours by generator.
    """
    if not samples:
        return {}
    queries = np.concatenate(list(samples.values()))
    asked = torch.from_numpy(queries.reshape(len(queries), -1)).float()  # (q, pixels), all generators' samples
    best = torch.full((len(queries),), torch.inf)
    closest = np.zeros_like(queries)
    for batch in records:
        held = torch.from_numpy(batch.reshape(len(batch), -1)).float()  # (b, pixels)
        # |a - b|^2 written out, since a batch of clips has no room for all differences at once.
        squares = asked.square().sum(1)[:, None] + held.square().sum(1)[None] - 2 * asked @ held.T  # (q, b)
        distance, place = squares.min(1)
        for i in torch.nonzero(distance < best).flatten().tolist():
            best[i], closest[i] = distance[i], batch[place[i]]
    # Rounding can leave the square of a repeated record just below zero.
    rms = (best.clamp_min(0) / asked.shape[1]).sqrt().tolist()
    found, start = {}, 0
    for name, pictures in samples.items():
        stop = start + len(pictures)
        found[name] = Neighbours(pictures=closest[start:stop] if show else None, distances=tuple(rms[start:stop]))
        start = stop
    return found
