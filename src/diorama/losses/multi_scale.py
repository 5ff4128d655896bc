"""Losses on what discriminators of several scales say, shape ().

Reference: Wang et al. 2018, arXiv 1711.11585, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32


def over_scales(side: Callable[[Tensor], Tensor], logits: Sequence[Tensor]) -> Float[Tensor, ""]:
    """One side of an adversarial loss, the sum over scales: each weighs the same, however many patches it has.

    Args:
        side: of one scale's logits, such as :func:`diorama.losses.adversarial.squared_error` with its target.
        logits: of each scale.

    Reference: equation 3.
    """
    return torch.stack([side(scale) for scale in logits]).sum()


def feature_distance(
    real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]], *, factor: float = 4.0
) -> Float[Tensor, ""]:
    """Mean absolute difference between features of a real and of a drawn picture that belong together.

    Args:
        real: features (b, …) of each scale, of each layer; no gradient goes into them.
        fake: likewise, of what was drawn in place of the real pictures.
        factor: of the mean over layers and scales. The paper takes the sum over layers; the authors' program takes four
            times the mean, and weighs it by 10 beside an adversarial loss that is summed over scales.

    Returns:
        0 where no scale has features.

    Reference: equation 4.
    """
    scales = [_distance(r, f) for r, f in zip(real, fake, strict=True) if len(r)]
    if not scales:
        return torch.zeros(())
    return factor * torch.stack(scales).mean()


def _distance(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    pairs = zip(real, fake, strict=True)
    return torch.stack([
        (at_least_float32(f) - at_least_float32(r).detach()).abs().mean() for r, f in pairs
    ]).mean()  # fmt: skip
