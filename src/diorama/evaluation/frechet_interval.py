"""Where the true Fréchet distance lies, given finite samples of both sides.

The plug-in distance of n samples lies above the true one by a bias that falls as 1/n and, near zero, exceeds
the spread by far; resampling with replacement adds the bias a second time. So:

1. the *centre* is a delete-a-group jackknife of the plug-in distance (both sides lose a tenth at once), which
   removes the 1/n bias;
2. the *spread* is the delta method: the variance of each sample's influence on the distance. Noise in the
   influences counts the second-order part of the variance twice, so that part, known in closed form from the
   eigenvalues, is subtracted once; it alone remains when both sides are equal;
3. the *interval* is the unified one for a quantity that cannot be negative, which reaches down to 0 near 0.

Reference: M. H. Quenouille 1956 (jackknife); F. R. Hampel 1974 (influence); G. J. Feldman, R. D. Cousins,
"Unified approach to the classical statistical analysis of small signals", Physical Review D 57, 1998, section IV B;
second derivatives of the Bures distance: R. Bhatia, T. Jain, Y. Lim 2019, arXiv:1712.01504.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.evaluation.protocol import Interval
from diorama.metrics.frechet import GaussianStatistics, frechet_distance, shared_spectrum, square_root, statistics

GROUPS = 10
METHOD = "jackknife centre, influence variance, Feldman-Cousins at 0; of the true distance"


def frechet_interval(
    samples: Float[Tensor, "n d"], reference: Float[Tensor, "m d"], *, level: float = 0.95, seed: int = 0
) -> Interval:
    """Confidence interval for the distance between the distributions that two sets were drawn from.

    Args:
        samples: (n, d), independent draws; at least 20.
        reference: (m, d), independent draws; at least 20.
        level: nominal coverage.
        seed: of the partition into groups.

    Returns:
        An interval that does not, in general, hold the plug-in distance, which is biased upwards.

    Raises:
        ValueError: fewer than 20 samples on one side.
    """
    if min(len(samples), len(reference)) < 2 * GROUPS:
        raise ValueError(f"an interval needs at least {2 * GROUPS} samples on each side")
    x, y = samples.detach().cpu().double(), reference.detach().cpu().double()
    first, second = statistics(x), statistics(y)
    plug_in = frechet_distance(first, second)
    centre = jackknife(x, y, plug_in, seed)
    influence = influence_variance(x, first, second) + influence_variance(y, second, first)
    noise = second_order_variance(first, second)
    spread = math.sqrt(max(influence - noise, noise) + unexplained_bias(first, second, plug_in - centre) ** 2)
    low, high = unified_interval(centre / max(spread, 1e-300), level)
    return Interval(low=low * spread, high=high * spread, level=level, method=METHOD)


def jackknife(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], plug_in: float, seed: int) -> float:
    """The plug-in distance less its estimated bias; may be negative when the true distance is about 0."""
    generator = torch.Generator().manual_seed(seed)
    groups = [torch.randperm(len(side), generator=generator) % GROUPS for side in (x, y)]
    left = (frechet_distance(statistics(x[groups[0] != k]), statistics(y[groups[1] != k])) for k in range(GROUPS))
    return GROUPS * plug_in - (GROUPS - 1) * math.fsum(left) / GROUPS


def influence_variance(x: Float[Tensor, "n d"], own: GaussianStatistics, other: GaussianStatistics) -> float:
    """Variance of the distance due to the draws of one side, to first order.

    A sample's influence is 2 (mean difference)ᵀ z + zᵀ (I - T) z - const, with z the centred sample and T the
    linear map that carries this side's Gaussian to the other's. Where this side has no variance, z has no
    component and the pseudo-inverse suffices.
    """
    values, vectors = torch.linalg.eigh(own.covariance)
    kept = values > values[-1] * 1e-10
    values, vectors = values[kept], vectors[:, kept]
    scale = values.sqrt()
    inner = scale[:, None] * (vectors.T @ other.covariance @ vectors) * scale
    transport = square_root(inner) / (scale[:, None] * scale)
    z = (x - own.mean) @ vectors
    bend = torch.eye(len(values), dtype=z.dtype) - transport
    influence = 2 * z @ (vectors.T @ (own.mean - other.mean)) + ((z @ bend) * z).sum(1)
    return float(influence.var()) / len(x)


def second_order_variance(first: GaussianStatistics, second: GaussianStatistics) -> float:
    """Variance of the quadratic part of the distance's expansion, for Gaussian features.

    With s the eigenvalues of (A^1/2 B A^1/2)^1/2, the covariance part is sum_ij G_ij^2 / (2 s_i s_j (s_i + s_j))
    in errors G_ij of variance s_i^2 s_j^2 (1 + [i = j]) (1/n + 1/m); the mean part is the sum of d_i^2 with d_i of
    variance about s_i (1/n + 1/m).
    """
    s = shared_spectrum(first.covariance, second.covariance).clamp(min=1e-300)
    rate = 1 / first.count + 1 / second.count
    pairs = (s[:, None] * s / (s[:, None] + s)).square()
    return float(rate**2 * (2 * s.square().sum() + pairs.sum() + pairs.diagonal().sum()))


def unexplained_bias(first: GaussianStatistics, second: GaussianStatistics, bias: float) -> float:
    """What the jackknife may have left of the bias when samples are few for the dimension: a share that grows as
    (d / n)^2, measured on Gaussians."""
    crowding = len(first.mean) / 2 * (1 / first.count + 1 / second.count)
    return min(0.25 * crowding**2, 1.0) * abs(bias)


def unified_interval(x: float, level: float = 0.95) -> tuple[float, float]:
    """Feldman-Cousins interval of a mean that is at least 0, from one draw ``x`` of variance 1.

    Coverage is exact for every mean, and no draw gives an empty interval.

    Reference: Feldman & Cousins 1998, table X.
    """
    reach = NormalDist().inv_cdf(0.5 + level / 2)
    if x > 2 * reach + 1:
        return x - reach, x + reach
    means, lower, upper = _acceptance(level)
    x = max(x, -8.0)
    inside = [mean for mean, low, high in zip(means, lower, upper, strict=True) if low <= x <= high]
    return (inside[0], inside[-1]) if inside else (0.0, means[1])


@cache
def _acceptance(level: float) -> tuple[list[float], list[float], list[float]]:
    """For every mean of a grid, the draws that are accepted: those of the highest likelihood ratio."""
    normal = NormalDist()
    means = [i * 0.01 for i in range(801)]
    lower, upper = [], []
    for mean in means:
        low, high = _accepted(mean, level, normal)
        lower.append(low)
        upper.append(high)
    return means, lower, upper


def _accepted(mean: float, level: float, normal: NormalDist) -> tuple[float, float]:
    """The interval of draws with equal likelihood ratio at both ends and probability ``level``.

    At an upper end u > 0 the log ratio is -(u - mean)^2 / 2. A lower end l >= 0 has it at 2 mean - u; below 0, where
    the best mean is 0, it is l mean - mean^2 / 2.
    """
    high, step = mean, 4.0
    while step > 1e-9:
        trial = high + step
        low = _partner(mean, trial)
        if normal.cdf(trial - mean) - normal.cdf(low - mean) < level:
            high = trial
        step /= 2
    return _partner(mean, high), high


def _partner(mean: float, high: float) -> float:
    mirrored = 2 * mean - high
    if mirrored >= 0:
        return mirrored
    return -math.inf if mean == 0 else (mean**2 - (high - mean) ** 2) / (2 * mean)
