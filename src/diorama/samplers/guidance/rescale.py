"""Guided predictions brought back to the spread of unguided ones."""

from __future__ import annotations

import torch
from torch import Tensor


def rescaled(guided: Tensor, plain: Tensor, share: float) -> Tensor:
    """Guided outputs of a network with the standard deviation of its unguided ones, mixed with what they were.

    Large scales of guidance raise the contrast beyond that of data; this takes it back.

    Args:
        guided: (b, ...) after guidance.
        plain: (b, ...) with the condition, before guidance.
        share: of the rescaled output in the mixture, in [0, 1]; the paper takes 0.7.

    Returns:
        (b, ...). The standard deviation is that of one sample's values (n - 1); samples of one value all over have none
            and stay as they are.

    Reference: S. Lin, B. Liu, J. Li, X. Yang, arXiv:2305.08891, equations 14 to 16.
    """
    dims = tuple(range(1, guided.dim()))
    spread = guided.std(dims, keepdim=True)
    ratio = torch.where(spread > 0, plain.std(dims, keepdim=True) / spread, torch.ones_like(spread))
    return share * (guided * ratio) + (1 - share) * guided
