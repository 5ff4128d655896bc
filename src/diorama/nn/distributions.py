"""Log-probabilities and divergences by element, in nats."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def gaussian_log_prob(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log-density of a Gaussian; all arguments broadcast."""
    return -0.5 * ((x - mean) * torch.exp(-log_std)).square() - log_std - 0.5 * math.log(2 * math.pi)


def bernoulli_log_prob(x: Tensor, logits: Tensor) -> Tensor:
    """Log-probability of values in [0, 1] under Bernoulli variables with these logits."""
    return -binary_cross_entropy_with_logits(logits, x, reduction="none")


def logistic_log_prob(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int | None = None) -> Tensor:
    """Logistic likelihood: a density, or the probability of stored levels where the data have them.

    Level *k* of ``levels`` stands for the value ``2 k / (levels - 1) - 1``; it has the probability mass between the
    midpoints to its neighbours, and the outermost levels have the tails. The masses of all levels add up to one.

    Args:
        x: values in [-1, 1].
        mean: location, broadcasts against ``x``.
        log_scale: log of the scale, broadcasts against ``x``.
        levels: how many there are, 256 for 8-bit pictures; ``None`` for floating-point data.

    Reference: Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling 2016, arXiv 1606.04934, section 4 (the bins);
        Salimans, Karpathy, Chen, Kingma 2017, arXiv 1701.05517, equation 2 (the tails).
    """
    inverse = torch.exp(-log_scale)
    if levels is None:
        z = (x - mean) * inverse
        return logsigmoid(z) + logsigmoid(-z) - log_scale
    half = 1.0 / (levels - 1)
    below = logsigmoid((x - mean + half) * inverse)
    above = logsigmoid(-(x - mean - half) * inverse)
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u)), which keeps its precision in the tails.
    inside = torch.log(-torch.expm1(-2 * half * inverse))
    top, bottom = x >= 1 - half, x <= -1 + half
    below, above = below.masked_fill(top, 0), above.masked_fill(bottom, 0)
    return below + above + torch.where(top | bottom, 0, inside)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)); never negative.

    Reference: Kingma, Welling 2013, arXiv 1312.6114, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def drawn_kl(z: Tensor, mean: Tensor, log_variance: Tensor, prior_log_prob: Tensor) -> Tensor:
    """An unbiased estimate of KL(N(mean, exp(log_variance)) || prior) from one draw of the posterior, (b,) in nats.

    It may be negative.

    Args:
        z: the draw, (b, ...).
        mean: of the posterior.
        log_variance: of the posterior.
        prior_log_prob: log-density of the draw under the prior, (b,).

    Reference: Chen et al. 2017, arXiv 1611.02731, equation 2.
    """
    return gaussian_log_prob(z, mean, 0.5 * log_variance).flatten(1).sum(1) - prior_log_prob
