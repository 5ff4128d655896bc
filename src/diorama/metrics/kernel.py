"""Kernel distance between two sets of features: squared maximum mean discrepancy under a cubic kernel.

Rows of one group (frames of one clip) are dependent, and the kernel of two of them says nothing of the distribution.
So wherever pairs within a set are summed, pairs within a group are left out, and spreads are those of groups.

Reference: M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", ICLR 2018,
arXiv:1801.01401, section 4; A. Gretton et al. 2012, JMLR 13, lemma 6 (unbiased estimate).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 2_048
_POOLED_ROWS = 8_000
"""Rows of each side whose pairs tell the noise: their kernel matrix must fit into memory block by block."""


def cubic_kernel(x: Float[Tensor, "... n d"], y: Float[Tensor, "... m d"]) -> Float[Tensor, "... n m"]:
    """(x · y / d + 1)^3."""
    return (x @ y.mT / x.shape[-1] + 1) ** 3


def squared_mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], *, group: int = 1) -> float:
    """Unbiased squared discrepancy of two sets of at least two groups; may be negative."""
    return mmd_terms(x, y, group=group).unbiased


def kernel_distances(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    chosen: tuple[Int[Tensor, "k s"], Int[Tensor, "k s"]],
    *,
    group: int = 1,
) -> Float[Tensor, " k"]:
    """Unbiased squared discrepancies of subsets.

    Args:
        x: (n, d).
        y: (m, d).
        chosen: (k, s) indices into each; of groups where rows form groups, whose rows follow one another.
        group: rows of a group.
    """
    x, y = x.unflatten(0, (-1, group)), y.unflatten(0, (-1, group))  # (groups, group, d)
    pairs = zip(*chosen, strict=True)
    distances = [squared_mmd(x[own].flatten(0, 1), y[other].flatten(0, 1), group=group) for own, other in pairs]
    return torch.tensor(distances, dtype=torch.float64)


def draw_subsets(n: int, m: int, *, subsets: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Indices (subsets, size) into two sets, each row without replacement; ``size`` is cut to the smaller set."""
    draw = np.random.default_rng(seed)
    size = min(size, n, m)
    rows = [(draw.choice(n, size, replace=False), draw.choice(m, size, replace=False)) for _ in range(subsets)]
    return tuple(torch.from_numpy(np.stack(side)) for side in zip(*rows, strict=True))  # type: ignore[return-value]


@dataclass(frozen=True)
class MMDTerms:
    """What an estimate of the squared discrepancy and of its spread needs.

    Args:
        unbiased: the estimate over all pairs of different groups.
        own: (n,) influence of each group of the first side, up to factor 2 and a constant.
        other: (m,) likewise of the second side.
    """

    unbiased: float
    own: Float[Tensor, " n"]
    other: Float[Tensor, " m"]


def mmd_terms(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], *, group: int = 1) -> MMDTerms:
    """The estimate over all pairs, in blocks, float64.

    Args:
        x: (n, d), at least two groups.
        y: (m, d), at least two groups.
        group: rows that go together and follow one another.
    """
    x, y = x.double(), y.double()
    n, m = len(x), len(y)
    within = [_sums(side, side)[0] - _own_group(side, group) for side in (x, y)]
    across = _sums(x, y)
    unbiased = within[0].sum() / (n * (n - group)) + within[1].sum() / (m * (m - group)) - 2 * across[0].sum() / (n * m)
    own = within[0] / (n - group) - across[0] / m
    other = within[1] / (m - group) - across[1] / n
    return MMDTerms(float(unbiased), *(rows.unflatten(0, (-1, group)).mean(1) for rows in (own, other)))


@dataclass(frozen=True)
class KernelSpread:
    """How the kernel spreads between draws of one distribution.

    Args:
        pairs: variance of the centred kernel of two draws: the sum of its squared eigenvalues.
        trace: mean of the centred kernel of a draw with itself: the sum of its eigenvalues.
    """

    pairs: float
    trace: float


def kernel_spread(
    x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], *, group: int = 1, pooled: int = 500
) -> KernelSpread:
    """The spread for both sets together, which is that of either where both distributions are equal.

    Draws are groups; the kernel of two groups is the mean over their rows.

    Args:
        x: (n, d), at least two groups.
        y: (m, d), likewise.
        group: rows that go together and follow one another.
        pooled: groups of each side that are looked at; at least two.

    Reference: unbiased centring: G. J. Székely, M. L. Rizzo 2014, Annals of Statistics 42, definition 2 and
    proposition 1.
    """
    pooled = max(min(pooled, _POOLED_ROWS // group), 2)
    few = torch.cat([_some(side.double(), group, pooled) for side in (x, y)])
    n = len(few) // group
    rows = []
    for part in few.split(max(BLOCK // group, 1) * group):
        block = cubic_kernel(part, few).unflatten(1, (n, group)).mean(2)  # (b * group, n)
        rows.append(block.unflatten(0, (-1, group)).mean(1))  # (b, n)
    gram = torch.cat(rows)
    own = gram.diagonal().clone()
    # A draw's kernel with itself would bias the means that are subtracted, so it counts as 0 among n - 1 others.
    gram.fill_diagonal_(0)
    sums = gram.sum(1)
    centred = gram - (sums[:, None] + sums) / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    squares = centred.square().sum() - centred.diagonal().square().sum()
    trace = own.mean() - sums.sum() / (n * (n - 1))
    return KernelSpread(max(float(squares) / (n * (n - 3)), 0.0), max(float(trace), 0.0))


def _some(rows: Tensor, group: int, most: int) -> Tensor:
    """At most so many whole groups, evenly spread."""
    groups = rows.unflatten(0, (-1, group))  # (groups, group, d)
    return groups[:: max(len(groups) // most, 1)][:most].flatten(0, 1)


def _sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the kernel over each row (n,) and each column (m,)."""
    rows, columns = (torch.zeros(len(side), dtype=x.dtype) for side in (x, y))
    for start in range(0, len(x), BLOCK):
        for other in range(0, len(y), BLOCK):
            block = cubic_kernel(x[start : start + BLOCK], y[other : other + BLOCK])
            rows[start : start + BLOCK] += block.sum(1)
            columns[other : other + BLOCK] += block.sum(0)
    return rows, columns


def _own_group(x: Tensor, group: int) -> Tensor:
    """Sums of the kernel of each row (n,) with the rows of its own group, itself among them."""
    groups = x.unflatten(0, (-1, group))  # (groups, group, d)
    return cubic_kernel(groups, groups).sum(2).flatten()
