"""Divergences between posterior and prior, in nats, one value a sample."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32
from diorama.nn.distributions import kl_to_standard_normal


def gaussian_kl(
    mean: Float[Tensor, "b ..."], log_variance: Float[Tensor, "b ..."], free_nats: float = 0.0
) -> Float[Tensor, " b"]:
    """KL(N(mean, exp(log_variance)) || N(0, 1)), summed over latent dimensions.

    Args:
        mean: of the posterior.
        log_variance: of the posterior.
        free_nats: each dimension's mean over the batch costs at least this, so that pressing it lower gains nothing.

    Reference: Kingma, Welling 2013, arXiv 1312.6114, appendix B; Kingma et al. 2016, arXiv 1606.04934, equation 15
        (free bits).
    """
    kl = kl_to_standard_normal(at_least_float32(mean), at_least_float32(log_variance))
    if not free_nats:
        return kl.flatten(1).sum(1)
    return kl.mean(0).clamp(min=free_nats).sum().expand(len(kl))
