"""The hinge loss with margins that are drawn anew for every logit, shape ().

Reference: Liu et al. 2021, arXiv 2101.04775, section 3.3 (the hinge loss); the margins are those of the authors' code.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu

from diorama.core.device import at_least_float32


def soft_hinge(logits: Float[Tensor, "..."], *, real: bool, least: float = 0.8) -> Float[Tensor, ""]:
    """How far logits fall short of a margin for real data, or of minus a margin for generated data; the mean.

    Args:
        logits: of one side.
        real: whether they are of real data.
        least: margins are uniform from here to 1; with 1 it is the hinge loss itself.
    """
    logits = at_least_float32(logits)
    margins = least + (1 - least) * torch.rand_like(logits)
    return relu(margins - logits if real else margins + logits).mean()
