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
    logits: Float[Tensor, "n k"], *, splits: int = 10, seed: int | None = 0, group: int = 1
) -> Float[Tensor, " splits"]:
    """exp of the mean divergence of a picture's classes from all pictures' classes, for each split.

    Args:
        logits: (n, k) class scores, of at least as many groups as there are splits.
        splits: parts of equal size up to one group.
        seed: of the order in which pictures are dealt to splits; ``None`` takes them as they come.
        group: rows that go together (frames of one clip), follow one another and are dealt to the same split: splits
            that shared a clip would agree more than independent ones do.

    Returns:
        (splits,) float64, each in [1, k].
    """
    groups = len(logits) // group
    if groups < splits:
        raise ValueError(f"{splits} splits need at least as many pictures, got {groups}")
    log_p = logits.double().log_softmax(1).unflatten(0, (groups, group))  # (groups, group, k)
    if seed is not None:
        log_p = log_p[torch.randperm(groups, generator=torch.Generator().manual_seed(seed))]
    ends = [i * groups // splits for i in range(splits + 1)]
    return torch.stack([_score(log_p[a:b].flatten(0, 1)) for a, b in pairwise(ends)])


def _score(log_p: Float[Tensor, "n k"]) -> Tensor:
    p = log_p.exp()
    marginal = p.mean(0, keepdim=True).clamp(min=1e-300).log()
    return (p * (log_p - marginal)).sum(1).mean().exp()
