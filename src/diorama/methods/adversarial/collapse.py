"""Signs that a generator draws ever the same."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

SPREAD = "spread"
"""Its name among the scalars of a discriminator's turn."""


def spread(drawn: Float[Tensor, "b ..."], real: Float[Tensor, "b ..."]) -> Float[Tensor, ""]:
    """How far generated pictures of a batch lie apart, as a share of how far real ones do.

    Args:
        drawn: generated pictures, two at least.
        real: real pictures, as many.

    Returns:
        The root of the ratio of the mean variances of a value over the batch: about 1 where samples are as varied as
        the data, 0 where all are the same.
    """
    ours, theirs = (x.detach().float().var(0, correction=0).mean() for x in (drawn, real))
    return (ours / theirs.clamp(min=1e-12)).sqrt()
