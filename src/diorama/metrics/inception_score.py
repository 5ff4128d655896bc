"""Inception Score: are single pictures of a clear class, and all of them of many classes?

Reference: T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford, X. Chen, "Improved techniques for training
GANs", NeurIPS 2016, arXiv:1606.03498, section 4.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor


def inception_scores(
    logits: Float[Tensor, "n k"], *, splits: int = 10, seed: int | None = 0
) -> Float[Tensor, " splits"]:
    """exp of the mean divergence of a picture's classes from all pictures' classes, for each split.

    Args:
        logits: (n, k) class scores, n at least ``splits``.
        splits: parts of equal size up to one.
        seed: of the order in which pictures are dealt to splits; ``None`` takes them as they come.

    Returns:
        (splits,) float64, each in [1, k].
    """
    if len(logits) < splits:
        raise ValueError(f"{splits} splits need at least as many pictures, got {len(logits)}")
    log_p = logits.double().log_softmax(1)
    if seed is not None:
        log_p = log_p[torch.randperm(len(log_p), generator=torch.Generator().manual_seed(seed))]
    ends = [i * len(log_p) // splits for i in range(splits + 1)]
    return torch.stack([_score(log_p[a:b]) for a, b in pairwise(ends)])


def _score(log_p: Float[Tensor, "n k"]) -> Tensor:
    p = log_p.exp()
    marginal = p.mean(0, keepdim=True).clamp(min=1e-300).log()
    return (p * (log_p - marginal)).sum(1).mean().exp()
