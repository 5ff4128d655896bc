"""Distances between features that a discriminator has of real and of generated data, shape ()."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from diorama.core.device import at_least_float32


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Squared distance between the mean features of real and of generated data, the mean over layers and features.

    Args:
        real: features (b, …) of each layer; no gradient goes into them.
        fake: likewise, of generated data.

    Reference: Salimans et al. 2016, arXiv 1606.03498, section 3.1, with the mean in place of the sum, so that a weight
        means the same whatever the widths.
    """
    pairs = zip(real, fake, strict=True)
    return torch.stack([
        (at_least_float32(f).mean(0) - at_least_float32(r).detach().mean(0)).square().mean() for r, f in pairs
    ]).mean()  # fmt: skip
