"""Which of the kinds of things that could be drawn were drawn."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor


def count_kinds(kinds: Iterable[int | None], total: int) -> Float[Tensor, " total"]:
    """How often each of the kinds 0 … total - 1 occurs; ``None``, an abstention, is left out."""
    known = torch.tensor([kind for kind in kinds if kind is not None], dtype=torch.int64)
    return torch.bincount(known, minlength=total).double()


def covered(counts: Float[Tensor, " k"]) -> int:
    """How many kinds occur at least once."""
    return int((counts > 0).sum())
