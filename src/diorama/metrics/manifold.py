"""Fidelity and diversity apart: does a sample lie among real ones, and a real one among samples?

Every set is covered by balls around its points that reach to the k-th nearest neighbour in the same set.

Reference: T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved precision and recall metric for
assessing generative models", NeurIPS 2019, arXiv:1904.06991, equations 1 and 2; M. F. Naeem, S. J. Oh, Y. Uh,
Y. Choi, J. Yoo, "Reliable fidelity and diversity metrics for generative models", ICML 2020, arXiv:2002.09797,
equations 3 and 4.
"""

from __future__ import annotations

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
        density: (n,) real balls that hold each sample, over k.
        coverage: (m,) whether each real point's ball holds a sample.
    """

    precision: Bool[Tensor, " n"]
    recall: Bool[Tensor, " m"]
    density: Float[Tensor, " n"]
    coverage: Bool[Tensor, " m"]


def neighbour_distances(x: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Distance of each point to its k-th nearest neighbour, itself not counted.

    Raises:
        ValueError: there are not more than k points.
    """
    if len(x) <= k:
        raise ValueError(f"the {k}-th neighbour needs more than {k} points, got {len(x)}")
    x = x.double()
    reach = [_distances(part, x).topk(k + 1, dim=1, largest=False).values[:, -1] for part in x.split(BLOCK)]
    return torch.cat(reach)


def manifold(samples: Float[Tensor, "n d"], real: Float[Tensor, "m d"], *, k: int, inclusive: bool = False) -> Manifold:
    """Compare two sets of features, in blocks.

    Args:
        samples: (n, d).
        real: (m, d).
        k: neighbour that a ball reaches to: 3 in Kynkäänniemi et al., 5 in Naeem et al.
        inclusive: whether a point on a ball's surface is inside, as in Kynkäänniemi et al.; Naeem et al. say no.
    """
    origin = real.double().mean(0)
    x, y = samples.double() - origin, real.double() - origin
    own, other = neighbour_distances(x, k), neighbour_distances(y, k)
    hits, recalled = [], torch.zeros(len(y), dtype=torch.bool)
    nearest = torch.full((len(y),), torch.inf, dtype=torch.float64)
    for part, reach in zip(x.split(BLOCK), own.split(BLOCK), strict=True):
        distance = _distances(part, y)
        inside = distance <= other if inclusive else distance < other
        hits.append(inside.sum(1))
        recalled |= (distance <= reach[:, None] if inclusive else distance < reach[:, None]).any(0)
        nearest = torch.minimum(nearest, distance.amin(0))
    count = torch.cat(hits)
    return Manifold(count > 0, recalled, count.double() / k, nearest < other)


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances from scalar products in float64; what lies closer than features can tell is equal."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1)
    found = squares - 2 * x @ y.T
    return torch.where(found < _ROUNDING * squares, 0.0, found).sqrt()
