"""Pictures of two latent vectors: one for the coarse layers, the other for the fine ones."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def crossed(
    first: Float[Tensor, "b n d"], second: Float[Tensor, "b n d"], probability: float
) -> Float[Tensor, "b n d"]:
    """Styles of which the fine layers are the second ones with that probability, from a random layer on.

    It is one draw for the whole batch. The coarsest layer's style is always the first one.

    Args:
        first: styles for every layer.
        second: others, of the same shape.
        probability: in [0, 1].

    Reference: T. Karras, S. Laine, T. Aila, arXiv:1812.04948, section 3.1 (mixing regularisation).
    """
    layers, device = first.shape[1], first.device
    crossing = torch.randint(1, layers, (), device=device)
    crossing = torch.where(torch.rand((), device=device) < probability, crossing, layers)
    coarse = torch.arange(layers, device=device) < crossing
    return torch.where(coarse[:, None], first, second)
