"""How far two sets of samples are apart by all their moments: maximum mean discrepancy under a Laplace kernel."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32


def laplace_kernel(
    x: Float[Tensor, "g n ..."], y: Float[Tensor, "g m ..."], scale: Float[Tensor, " g"], least: float = 1e-8
) -> Float[Tensor, "g n m"]:
    """``exp(-scale max(|x - y|, least) / D)`` of all pairs within each group, of samples of D values.

    Args:
        x: groups of samples.
        y: likewise.
        scale: of each group's distances.
        least: smaller distances count as this one, and have no gradient.

    Reference: L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, section 4.2 and appendix C.8.
    """
    x, y = (at_least_float32(samples).flatten(2) for samples in (x, y))
    # Differences as they are: a matrix product would leave rounding where both samples are the same.
    apart = torch.linalg.vector_norm(x[:, :, None] - y[:, None], dim=-1)  # (g, n, m)
    return torch.exp(-scale.view(-1, 1, 1) * apart.clamp(min=least) / x.shape[-1])


def laplace_discrepancy(
    x: Float[Tensor, "g n ..."], y: Float[Tensor, "g m ..."], scale: Float[Tensor, " g"], least: float = 1e-8
) -> Float[Tensor, " g"]:
    """Squared maximum mean discrepancy of two sets of samples in each group, over all pairs (a V-statistic).

    Args:
        x: groups of samples.
        y: likewise.
        scale: see :func:`laplace_kernel`.
        least: likewise.

    Returns:
        (g,), at least 0, and 0 for equal sets.

    Reference: A. Gretton et al. 2012, JMLR 13, equation 5; L. Zhou, S. Ermon, J. Song, arXiv:2503.07565, equation 67.
    """
    within = [laplace_kernel(samples, samples, scale, least).mean((1, 2)) for samples in (x, y)]
    return within[0] + within[1] - 2 * laplace_kernel(x, y, scale, least).mean((1, 2))
