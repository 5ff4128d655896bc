"""Gaussian noise processes ``x = alpha * clean + sigma * noise``: conversions, posteriors, likelihoods."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from diorama.core.contracts import Level

Target = Literal["noise", "clean", "velocity", "score", "scaled_score", "flow", "reverse_flow"]
"""What a network predicts. Velocity, ``alpha noise - sigma clean``: T. Salimans, J. Ho, arXiv:2202.00512, appendix D;
flow, ``noise - clean``, is the velocity of the straight path: X. Liu, C. Gong, Q. Liu, arXiv:2209.03003, equation 1;
the reverse flow, ``clean - noise``, is that of models whose time runs from noise to data;
the scaled score is sigma times the score, ``-noise``."""


def like(coefficient: Tensor, x: Tensor) -> Tensor:
    """A coefficient that may meet ``x`` in arithmetic, in its type and on its device.

    One number for all samples stays as it is, float64 on the CPU: PyTorch takes it as a scalar for any tensor, without
    a copy to the device and with all its digits.
    """
    return coefficient if coefficient.dim() == 0 else coefficient.to(device=x.device, dtype=x.dtype)


def on(level: Level, x: Tensor) -> Level:
    """A level whose coefficients are as :func:`like` makes them."""
    return Level(t=like(level.t, x), alpha=like(level.alpha, x), sigma=like(level.sigma, x), until=level.until)


def noised(clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """The noisy sample at a level. Ho et al. 2020, equation 4."""
    return level.alpha * clean + level.sigma * noise


def target_of(target: Target, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """What a perfect network would predict, of the shape of ``clean``."""
    if target == "noise":
        return noise
    if target == "clean":
        return clean
    if target == "velocity":
        return level.alpha * noise - level.sigma * clean
    if target == "flow":
        return noise - clean
    if target == "reverse_flow":
        return clean - noise
    if target == "scaled_score":
        return -noise
    return -noise / level.sigma


def clean_of(target: Target, output: Tensor, x: Tensor, level: Level) -> Tensor:
    """The clean sample that a prediction of any kind implies.

    The noise and the score say nothing of it where ``alpha`` is 0.
    """
    if target == "noise":
        return (x - level.sigma * output) / level.alpha
    if target == "clean":
        return output
    if target == "velocity":
        return (level.alpha * x - level.sigma * output) / (level.alpha**2 + level.sigma**2)
    if target == "flow":
        return (x - level.sigma * output) / (level.alpha + level.sigma)
    if target == "reverse_flow":
        return (x + level.sigma * output) / (level.alpha + level.sigma)
    if target == "scaled_score":
        return (x + level.sigma * output) / level.alpha
    return (x + level.sigma**2 * output) / level.alpha


def weight_of(target: Target, level: Level) -> Tensor:
    """(d prediction / d clean)^2, with ``x`` held fixed.

    A squared error of clean samples times this weight is the squared error of predictions.
    """
    if target == "clean":
        return torch.ones_like(level.sigma)
    ratio = level.alpha / level.sigma
    if target in ("noise", "scaled_score"):
        return ratio**2
    if target == "velocity":
        return (level.alpha * ratio + level.sigma) ** 2
    if target in ("flow", "reverse_flow"):
        return (ratio + 1) ** 2
    return (ratio / level.sigma) ** 2


def noise_of(x: Tensor, clean: Tensor, level: Level) -> Tensor:
    """The noise in ``x`` if its clean sample is ``clean``; ``sigma`` must not be 0."""
    return (x - level.alpha * clean) / level.sigma


LEAST_VARIANCE = 1e-20
"""Stands for a variance of 0 in logarithms: the posterior of a step to clean data has none."""


def along_noise(x: Tensor, clean: Tensor, level: Level, other: Level) -> Tensor:
    """The sample at another level with the same clean sample and the same noise: a step of DDIM without fresh noise."""
    return like(other.alpha, x) * clean + like(other.sigma, x) * noise_of(x, clean, on(level, x))


def raised(x: Tensor, level: Level, above: Level, noise: Tensor) -> Tensor:
    """A sample brought up to a noisier level of its process by fresh noise."""
    shrink = above.alpha / level.alpha
    added = (above.sigma**2 - (shrink * level.sigma) ** 2).clamp(min=0).sqrt()
    return like(shrink, x) * x + like(added, x) * noise


class Posterior(NamedTuple):
    """q(x_below | x, clean) is normal with mean ``of_x * x + of_clean * clean``.

    Attributes:
        of_x: weight of the noisy sample.
        of_clean: weight of the clean sample.
        variance: of each pixel.
        step_variance: of q(x | x_below), which generalises beta of the step.
    """

    of_x: Tensor
    of_clean: Tensor
    variance: Tensor
    step_variance: Tensor


def posterior(level: Level, below: Level) -> Posterior:
    """The process run backwards from ``level`` to a lower one, given the clean sample.

    Reference: Ho et al. 2020, equations 6 and 7; for any two levels: D. P. Kingma et al., arXiv:2107.00630,
    appendix A.
    """
    ratio = level.alpha / below.alpha
    step_variance = level.sigma**2 - ratio**2 * below.sigma**2
    share = below.sigma**2 / level.sigma**2
    return Posterior(ratio * share, below.alpha * step_variance / level.sigma**2, step_variance * share, step_variance)


def normal_kl(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """KL of two normal distributions, from the first to the other, of each pixel in nats; the arguments broadcast."""
    ratio = (log_variance - other_log_variance).exp()
    # In the order of the published codes, whose sum in float32 loses the same digits.
    shape = -1 + other_log_variance - log_variance + ratio
    return 0.5 * (shape + (mean - other_mean) ** 2 * (-other_log_variance).exp())


def discretized_log_likelihood(x: Tensor, mean: Tensor, deviation: Tensor, bins: int = 256) -> Tensor:
    """Log-probability in nats, per pixel, of the bin in which each stored value lies.

    Args:
        x: in [-1, 1], one of ``bins`` equally spaced values; the outer bins reach to infinity.
        mean: of the normal distribution.
        deviation: its standard deviation.
        bins: values that a stored pixel can take.

    Reference: Ho et al. 2020, equation 13.
    """
    half = 1 / (bins - 1)
    above = torch.where(x > 1 - half, torch.inf, (x + half - mean) / deviation)
    under = torch.where(x < -1 + half, -torch.inf, (x - half - mean) / deviation)
    # Both tails are measured from the nearer side, where the difference of two numbers near one would vanish.
    flip = (above + under) > 0
    high, low = torch.where(flip, -under, above), torch.where(flip, -above, under)
    log_high, log_low = torch.special.log_ndtr(high), torch.special.log_ndtr(low)
    return log_high + (-torch.expm1(log_low - log_high)).log()


def approximate_normal_cdf(x: Tensor) -> Tensor:
    """The standard normal distribution function, to within 2e-4, by a hyperbolic tangent.

    Reference: E. Page, "Approximations to the cumulative normal function and its inverse", 1977, as used by J. Ho, A.
    Jain, P. Abbeel, arXiv:2006.11239, published code.
    """
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


_LEAST_PROBABILITY, _EDGE = 1e-12, 0.999
"""In :func:`approximate_log_likelihood`: what probabilities count as at least, and from where on values lie in the
outer bins."""


def approximate_log_likelihood(x: Tensor, mean: Tensor, log_deviation: Tensor, bins: int = 256) -> Tensor:
    """:func:`discretized_log_likelihood` as published models were trained on it: finite wherever x lies.

    Args:
        x: in [-1, 1], one of ``bins`` equally spaced values.
        mean: of the normal distribution.
        log_deviation: logarithm of its standard deviation.
        bins: values that a stored pixel can take.

    Reference: A. Nichol, P. Dhariwal, arXiv:2102.09672, published code.
    """
    half, centred, scale = 1 / (bins - 1), x - mean, (-log_deviation).exp()
    above = approximate_normal_cdf(scale * (centred + half))
    under = approximate_normal_cdf(scale * (centred - half))
    inside = torch.where(x > _EDGE, 1 - under, above - under)
    return torch.where(x < -_EDGE, above, inside).clamp(min=_LEAST_PROBABILITY).log()
