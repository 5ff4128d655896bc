"""Fidelity and diversity apart: does a sample lie among real ones, and a real one among samples?

Every set is covered by balls around its points that reach to the k-th nearest neighbour in the same set. Frames of one
clip resemble one another more than they do the rest of the set, so neighbours are counted in clips: a ball reaches to
the nearest frame of the k-th nearest *other* clip. For independent points this is the published definition; where
frames depend on one another it keeps the chances by which equal distributions meet one another's balls, which are
those of k-th neighbours among independent draws.

Reference: T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved precision and recall metric for
assessing generative models", NeurIPS 2019, arXiv:1904.06991, equations 1 and 2; M. F. Naeem, S. J. Oh, Y. Uh,
Y. Choi, J. Yoo, "Reliable fidelity and diversity metrics for generative models", ICML 2020, arXiv:2002.09797,
equations 3 and 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

BLOCK = 1_024
_ROUNDING = 1e-11


@dataclass(frozen=True)
class Manifold:
    """What each point contributes; the metrics are the means.

    Args:
        precision: (n,) whether each sample lies in a ball of a real point.
        recall: (m,) whether each real point lies in a ball of a sample.
        density: (n,) real balls that hold each sample, over as many as would on average if samples were real.
        coverage: (m,) whether each real point's ball holds a sample.
        nearest: (m,) distance of each real point to the nearest sample.
    """

    precision: Bool[Tensor, " n"]
    recall: Bool[Tensor, " m"]
    density: Float[Tensor, " n"]
    coverage: Bool[Tensor, " m"]
    nearest: Float[Tensor, " m"]


@dataclass(frozen=True)
class Balls:
    """The balls around the points of one set.

    Args:
        reach: (n,) radius of each.
        expected: balls that hold a further point of the same distribution, on average.
    """

    reach: Float[Tensor, " n"]
    expected: float


def balls(x: Float[Tensor, "n d"], k: int, *, group: int = 1) -> Balls:
    """Balls that reach to the k-th nearest point, or to the nearest point of the k-th nearest other group.

    Args:
        x: (n, d); rows of one group follow one another.
        k: neighbour that a ball reaches to.
        group: rows of a group.

    Raises:
        ValueError: there are not more than k points, or groups.
    """
    groups = len(x) // group
    if groups <= k:
        raise ValueError(f"the {k}-th neighbour needs more than {k} points, got {groups}")
    x = x.double()
    owner = torch.arange(len(x)) // group
    reach, held = [], 0.0
    for part, own in zip(x.split(BLOCK), owner.split(BLOCK), strict=True):
        distance = _distances(part, x).masked_fill_(own[:, None] == owner, torch.inf)
        # A group is as far away as its nearest row.
        nearest = distance.unflatten(1, (groups, group)).amin(2)  # (b, groups)
        ends = nearest.topk(k + 1, dim=1, largest=False).values  # (b, k + 1)
        reach.append(ends[:, k - 1])
        # A further group among the k nearest shifts the present k-th to place k + 1. So what a ball will hold of a
        # further one is what the rows within the reach to k + 1 say: of independent rows exactly k.
        held += float((distance < ends[:, k:]).sum())
    return Balls(torch.cat(reach), float(k) if group == 1 else held / len(x))


def neighbour_distances(x: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Distance of each point to its k-th nearest neighbour, itself not counted.

    Raises:
        ValueError: there are not more than k points.
    """
    return balls(x, k).reach


def manifold(
    samples: Float[Tensor, "n d"], real: Float[Tensor, "m d"], *, k: int, inclusive: bool = False, group: int = 1
) -> Manifold:
    """Compare two sets of features, in blocks.

    Args:
        samples: (n, d).
        real: (m, d).
        k: neighbour that a ball reaches to: 3 in Kynkäänniemi et al., 5 in Naeem et al.
        inclusive: whether a point on a ball's surface is inside, as in Kynkäänniemi et al.; Naeem et al. say no.
        group: rows that go together (frames of one clip) and follow one another, on both sides.
    """
    origin = _origin(real)
    x, y = samples.double() - origin, real.double() - origin
    own, other = balls(x, k, group=group), balls(y, k, group=group)
    hits, recalled = [], torch.zeros(len(y), dtype=torch.bool)
    nearest = torch.full((len(y),), torch.inf, dtype=torch.float64)
    for part, reach in zip(x.split(BLOCK), own.reach.split(BLOCK), strict=True):
        distance = _distances(part, y)  # (b, m)
        inside = distance <= other.reach if inclusive else distance < other.reach
        hits.append(inside.sum(1))
        recalled |= (distance <= reach[:, None] if inclusive else distance < reach[:, None]).any(0)
        nearest = torch.minimum(nearest, distance.amin(0))
    count = torch.cat(hits)  # (n,)
    return Manifold(count > 0, recalled, count.double() / other.expected, nearest < other.reach, nearest)


def coverage_influence(
    found: Manifold, real: Float[Tensor, "m d"], *, k: int, group: int = 1
) -> Float[Tensor, " groups"]:
    """What each real point, or group of them, adds to the number of points that are covered, up to a constant.

    A point is covered while fewer than k others are as near as its nearest sample. So a further point adds itself, if
    it is covered, and takes away every point near which it would be the k-th: the probability that it is, given how
    many there are now, is that of k - 1 others among as many expected (Poisson). The projection on single draws is
    what the variance of the share depends on, to first order (W. Hoeffding 1948, Annals of Mathematical Statistics 19).

    Args:
        found: the comparison.
        real: (m, d), the points that were compared.
        k: neighbour that a ball reaches to.
        group: rows that go together and follow one another.
    """
    y = real.double() - _origin(real)
    groups = len(y) // group
    owner = torch.arange(len(y)) // group
    taken = torch.zeros(groups, dtype=torch.float64)
    for part, own, near in zip(y.split(BLOCK), owner.split(BLOCK), found.nearest.split(BLOCK), strict=True):
        distance = _distances(part, y).masked_fill_(own[:, None] == owner, torch.inf)
        inside = (distance <= near[:, None]).unflatten(1, (groups, group)).any(2)  # (b, groups)
        # With half a point where there are none: Poisson's mean is not known to be 0.
        expected = inside.sum(1).double().clamp(min=0.5)
        last = torch.exp((k - 1) * expected.log() - expected - math.lgamma(k))
        taken += last @ inside.double()
    return found.coverage.double().unflatten(0, (groups, group)).sum(1) - taken


def _origin(real: Float[Tensor, "m d"]) -> Float[Tensor, " d"]:
    """A point near the mean from which distances are taken: differences of squares lose digits far from the origin.

    It is a multiple of a power of two about as large as the spread, so that subtracting it from whole numbers rounds
    nothing, and points at the very distance of a ball's surface stay there.
    """
    points = real.double()
    mean = points.mean(0)
    unit = torch.exp2((points - mean).square().mean().sqrt().clamp(min=1e-30).log2().floor())
    return (mean / unit).round() * unit


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances from scalar products in float64; what lies closer than features can tell is equal."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1)
    found = squares - 2 * x @ y.T
    return torch.where(found < _ROUNDING * squares, 0.0, found).sqrt()
