"""Negative log-likelihoods of whole samples, in nats, one value a sample; and how far pictures are apart."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32
from diorama.nn.distributions import bernoulli_log_prob, gaussian_log_prob, logistic_log_prob


def absolute_error(x: Float[Tensor, "b ..."], real: Float[Tensor, "b ..."]) -> Float[Tensor, ""]:
    """Mean absolute difference, in float32.

    Reference: Isola et al. 2017, arXiv 1611.07004, equation 3.
    """
    return (at_least_float32(x) - at_least_float32(real)).abs().mean()


def gaussian(x: Float[Tensor, "b ..."], mean: Tensor, log_std: Tensor) -> Float[Tensor, " b"]:
    """Gaussian likelihood.

    Args:
        x: data.
        mean: broadcasts against ``x``.
        log_std: log of the standard deviation, broadcasts against ``x``.

    Reference: Kingma, Welling 2013, arXiv 1312.6114, appendix C.2.
    """
    return -gaussian_log_prob(at_least_float32(x), at_least_float32(mean), at_least_float32(log_std)).flatten(1).sum(1)


def bernoulli(x: Float[Tensor, "b ..."], logits: Float[Tensor, "b ..."]) -> Float[Tensor, " b"]:
    """Bernoulli likelihood.

    Args:
        x: data in [0, 1].
        logits: of the same shape.

    Reference: Kingma, Welling 2013, arXiv 1312.6114, appendix C.1.
    """
    return -bernoulli_log_prob(at_least_float32(x), at_least_float32(logits)).flatten(1).sum(1)


def logistic(x: Float[Tensor, "b ..."], mean: Tensor, log_scale: Tensor, levels: int | None) -> Float[Tensor, " b"]:
    """Logistic likelihood, of stored levels where the data have them.

    Args:
        x: data in [-1, 1].
        mean: broadcasts against ``x``.
        log_scale: log of the scale, broadcasts against ``x``.
        levels: how many stored levels the data have; ``None`` for floating-point data.

    Reference: see :func:`diorama.nn.distributions.logistic_log_prob`.
    """
    log_prob = logistic_log_prob(at_least_float32(x), at_least_float32(mean), at_least_float32(log_scale), levels)
    return -log_prob.flatten(1).sum(1)
