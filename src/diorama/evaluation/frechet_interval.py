"""Where the true Fréchet distance lies, given finite samples of both sides.

The plug-in distance of n samples lies above the true one by a bias that falls as 1/n and, near zero, exceeds
the spread by far; resampling with replacement adds the bias a second time. So:

1. the *centre* is a delete-a-group jackknife of the plug-in distance (both sides lose a tenth at once), which
   removes the 1/n bias;
2. the *spread* is the delta method: the variance of each sample's influence on the distance. Noise in the
   influences counts the second-order part of the variance twice, so that part, known in closed form from the
   eigenvalues, is subtracted; it alone remains when both sides are equal;
3. the *interval* is the unified one for a quantity that cannot be negative, which reaches down to 0 near 0.

Frames of one clip are dependent, so a clip is one draw: the jackknife leaves out whole clips, the influence of a clip
is the mean of its frames', and the second-order part counts how many independent frames a clip's are worth.

Reference: M. H. Quenouille 1956 (jackknife); F. R. Hampel 1974 (influence); second derivatives of the distance:
R. Bhatia, T. Jain, Y. Lim 2019, arXiv:1712.01504.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.evaluation.intervals import distance_interval
from diorama.evaluation.protocol import Interval
from diorama.metrics.frechet import (
    GaussianStatistics,
    frechet_distance,
    frechet_distance_of,
    shared_spectrum,
    square_root,
    statistics,
)

GROUPS = 10
METHOD = "of the true distance: jackknife centre, influence variance, Feldman-Cousins ends"


def frechet_interval(
    samples: Float[Tensor, "n d"],
    reference: Float[Tensor, "m d"],
    *,
    level: float = 0.95,
    seed: int = 0,
    group: int = 1,
) -> Interval:
    """Confidence interval for the distance between the distributions that two sets were drawn from.

    Args:
        samples: (n, d), independent draws, at least 20 (or 20 groups).
        reference: (m, d), likewise.
        level: nominal coverage.
        seed: of the partition into groups of the jackknife.
        group: rows that go together, frames of one clip, and follow one another.

    Returns:
        An interval that does not, in general, hold the plug-in distance, which is biased upwards.

    Raises:
        ValueError: fewer than 20 draws on one side.
    """
    if min(len(samples), len(reference)) < 2 * GROUPS * group:
        raise ValueError(f"an interval needs at least {2 * GROUPS} draws on each side")
    x, y = samples.detach().cpu().double(), reference.detach().cpu().double()
    first, second = statistics(x), statistics(y)
    plug_in = frechet_distance(first, second)
    centre = jackknife(x, y, plug_in, seed=seed, group=group)
    influences = [influence(x, first, second), influence(y, second, first)]
    draws = [rows.unflatten(0, (-1, group)).mean(1) for rows in influences]  # (groups,)
    variance = sum(float(values.var()) / len(values) for values in draws)
    worths = worth(x, first, group), worth(y, second, group)
    noise = second_order_variance(first, second, worths)
    left = unexplained_bias(len(first.mean), [len(values) for values in draws], plug_in - centre)
    return distance_interval(
        centre,
        max(variance - 2 * noise, 0.0),
        noise * GROUPS / (GROUPS - 1) + left**2,
        expected_slope(first, second, worths),
        level=level,
        method=METHOD,
    )


@dataclass(frozen=True)
class Worth:
    """How many independent draws the rows of a set are worth.

    Args:
        mean: for its mean.
        covariance: for its covariance.
    """

    mean: float
    covariance: float


def worth(x: Float[Tensor, "n d"], own: GaussianStatistics, group: int = 1) -> Worth:
    """Compare the spread of means over groups, and of covariances within groups, with that of single rows.

    Args:
        x: (n, d); rows of one group follow one another.
        own: statistics of ``x``.
        group: rows of a group.

    Returns:
        Numbers from that of the groups (rows of a group are alike) to that of the rows (they are independent).
    """
    n, groups = len(x), len(x) // group
    if group == 1:
        return Worth(n, n)
    z = (x - own.mean).unflatten(0, (groups, group))  # (groups, group, d)
    # A matrix has the squared norm of its Gram matrix, which is (group, group) in place of (d, d).
    inner = (z @ z.mT).square().sum((1, 2)) / group**2  # (groups,)
    total = own.covariance.square().sum() * ((n - 1) / n) ** 2
    of_rows = own.covariance.trace(), (z.square().sum(2).square().mean() - total) * n / (n - 1)
    of_groups = z.mean(1).square().sum() / (groups - 1), (inner.mean() - total) * groups / (groups - 1)
    ratios = [float(rows / means.clamp(min=1e-300)) for rows, means in zip(of_rows, of_groups, strict=True)]
    mean, covariance = (min(max(groups * ratio, groups), n) for ratio in ratios)
    return Worth(mean, covariance)


def jackknife(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], plug_in: float, *, seed: int, group: int = 1) -> float:
    """The plug-in distance less its estimated bias; may be negative when the true distance is about 0."""
    generator = torch.Generator().manual_seed(seed)
    parts = [
        (torch.randperm(len(side) // group, generator=generator) % GROUPS).repeat_interleave(group) for side in (x, y)
    ]
    without = (frechet_distance_of(x[parts[0] != k], y[parts[1] != k]) for k in range(GROUPS))
    return GROUPS * plug_in - (GROUPS - 1) * math.fsum(without) / GROUPS


def influence(x: Float[Tensor, "n d"], own: GaussianStatistics, other: GaussianStatistics) -> Float[Tensor, " n"]:
    """What each sample of one side adds to the distance, to first order and up to a constant.

    It is 2 (mean difference)ᵀ z + zᵀ (I - T) z, with z the centred sample and T the linear map that carries this
    side's Gaussian to the other's. Where this side has no variance, z has no component and the pseudo-inverse
    suffices.
    """
    values, vectors = torch.linalg.eigh(own.covariance)
    kept = values > values[-1] * 1e-10
    scale, vectors = values[kept].sqrt(), vectors[:, kept]
    inner = scale[:, None] * (vectors.T @ other.covariance @ vectors) * scale
    transport = square_root(inner) / (scale[:, None] * scale)
    z = (x - own.mean) @ vectors
    bend = torch.eye(len(scale), dtype=z.dtype) - transport
    return 2 * z @ (vectors.T @ (own.mean - other.mean)) + ((z @ bend) * z).sum(1)


def second_order_variance(
    first: GaussianStatistics, second: GaussianStatistics, worths: tuple[Worth, Worth] | None = None
) -> float:
    """Variance of the quadratic part of the distance's expansion, for Gaussian features.

    With s the eigenvalues of (A^1/2 B A^1/2)^1/2, the covariance part is sum_ij G_ij^2 / (2 s_i s_j (s_i + s_j))
    in errors G_ij of variance s_i^2 s_j^2 (1 + [i = j]) (1/n + 1/m); the mean part is the sum of d_i^2 with d_i of
    variance about s_i (1/n + 1/m).

    Args:
        first: statistics of one side.
        second: of the other.
        worths: the n and m of both parts; the counts of the statistics where rows are independent.
    """
    sides = worths or (Worth(first.count, first.count), Worth(second.count, second.count))
    mean_rate, rate = sum(1 / side.mean for side in sides), sum(1 / side.covariance for side in sides)
    s = shared_spectrum(first.covariance, second.covariance).clamp(min=1e-300)
    pairs = (s[:, None] * s / (s[:, None] + s)).square()  # (d, d)
    return float(mean_rate**2 * 2 * s.square().sum() + rate**2 * (pairs.sum() + pairs.diagonal().sum()))


def expected_slope(first: GaussianStatistics, second: GaussianStatistics, worths: tuple[Worth, Worth]) -> float:
    """Growth of the variance with the distance for a small shift in a typical direction."""
    mean = (first.covariance + second.covariance) / 2
    rate = sum(1 / side.mean for side in worths)
    return float(2 * rate * mean.square().sum() / mean.trace().clamp(min=1e-300))


def unexplained_bias(dimensions: int, draws: Sequence[int], bias: float) -> float:
    """What the jackknife may have left of the bias where draws are few for the dimension: a share that grows as
    (d / n)^2, measured on Gaussians. Of rows in groups it falls with the number of groups, not with that of rows:
    it comes of third moments, which dependent rows do not average out.

    Args:
        dimensions: d.
        draws: independent ones, of each side.
        bias: that the jackknife found.
    """
    crowding = dimensions / 2 * sum(1 / count for count in draws)
    return min(0.25 * crowding**2, 1.0) * abs(bias)
