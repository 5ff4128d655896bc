"""Clips whose frames depend on one another, with marginals that are known."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_clips(
    count: int, frames: int, correlation: float, generator: torch.Generator, *, spread: Tensor, shift: float = 0.0
) -> Tensor:
    """Features of frames, each normal by itself, each correlated with the one before.

    Args:
        count: clips.
        frames: of each clip.
        correlation: of neighbouring frames, in [0, 1); 0 are independent draws.
        generator: of the draws.
        spread: (d,) standard deviation of every feature.
        shift: mean of the first feature; the others have mean 0.

    Returns:
        (count * frames, d) float64; the frames of a clip follow one another.
    """
    steps = torch.randn(count, frames, len(spread), generator=generator, dtype=torch.float64)
    clips = steps.clone()
    for t in range(1, frames):
        clips[:, t] = correlation * clips[:, t - 1] + (1 - correlation**2) ** 0.5 * steps[:, t]
    clips = clips * spread
    clips[..., 0] += shift
    return clips.flatten(0, 1)  # (count * frames, d)
