"""Latent vectors without values beyond a threshold: less variety, and samples closer to what is usual."""

from __future__ import annotations

from itertools import count

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.rng import StepNoise

LEAST = 0.01
"""The lowest threshold: below it, nearly every draw is one to be made again."""
_STREAM = 1
"""Of a sample's draws; the first is that of a generator's layers."""


def truncated(z: Float[Tensor, "b n"], threshold: float, *, seed: int, first: int) -> Float[Tensor, "b n"]:
    """Latent vectors in which every value beyond the threshold is drawn again until it lies within.

    A sample is the same whatever the batch.

    Args:
        z: standard normal.
        threshold: at least :data:`LEAST`; of four or more nearly nothing is drawn again.
        seed: with ``first``, names the further draws.
        first: index of the first sample.

    Reference: Brock, Donahue, Simonyan 2019, arXiv 1809.11096, section 3.1 (truncation trick).
    """
    draws = StepNoise(tuple(z.shape[1:]), seed=seed, first=first, count=len(z), device=z.device)
    for attempt in count():
        beyond = z.abs() > threshold
        if not bool(beyond.any()):
            break
        z = torch.where(beyond, draws(attempt, _STREAM), z)
    return z
