"""Kernel distance between two sets of features: squared maximum mean discrepancy under a cubic kernel.

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


def cubic_kernel(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """(x · y / d + 1)^3."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def squared_mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> float:
    """Unbiased squared discrepancy of two sets of at least two; may be negative."""
    return mmd_terms(x, y).unbiased


def kernel_distances(
    x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], chosen: tuple[Int[Tensor, "k s"], Int[Tensor, "k s"]]
) -> Float[Tensor, " k"]:
    """Unbiased squared discrepancies of subsets.

    Args:
        x: (n, d).
        y: (m, d).
        chosen: (k, s) indices into each.
    """
    pairs = zip(*chosen, strict=True)
    return torch.tensor([squared_mmd(x[own], y[other]) for own, other in pairs], dtype=torch.float64)


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
        unbiased: the estimate over all pairs.
        own: (n,) influence of each sample of the first side, up to factor 2 and a constant.
        other: (m,) likewise of the second side.
    """

    unbiased: float
    own: Float[Tensor, " n"]
    other: Float[Tensor, " m"]


def mmd_terms(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> MMDTerms:
    """The estimate over all pairs, in blocks, float64.

    Args:
        x: (n, d), n >= 2.
        y: (m, d), m >= 2.
    """
    x, y = x.double(), y.double()
    n, m = len(x), len(y)
    within = [_sums(side, side)[0] - _diagonal(side) for side in (x, y)]
    across = _sums(x, y)
    unbiased = within[0].sum() / (n * (n - 1)) + within[1].sum() / (m * (m - 1)) - 2 * across[0].sum() / (n * m)
    own = within[0] / (n - 1) - across[0] / m
    other = within[1] / (m - 1) - across[1] / n
    return MMDTerms(float(unbiased), own, other)


def kernel_noise(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], pooled: int = 500) -> float:
    """Mean square of the centred kernel of both sets together: the estimate's variance for each pair of samples
    where both distributions are equal.

    Args:
        x: (n, d).
        y: (m, d).
        pooled: samples of each side that are looked at.
    """
    few = torch.cat([side[:: max(len(side) // pooled, 1)][:pooled] for side in (x.double(), y.double())])
    gram = cubic_kernel(few, few)
    gram = gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean()
    return float((gram.square().sum() - gram.diagonal().square().sum()) / (len(few) * (len(few) - 1)))


def _sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the kernel over each row (n,) and each column (m,)."""
    rows, columns = (torch.zeros(len(side), dtype=x.dtype) for side in (x, y))
    for start in range(0, len(x), BLOCK):
        for other in range(0, len(y), BLOCK):
            block = cubic_kernel(x[start : start + BLOCK], y[other : other + BLOCK])
            rows[start : start + BLOCK] += block.sum(1)
            columns[other : other + BLOCK] += block.sum(0)
    return rows, columns


def _diagonal(x: Tensor) -> Tensor:
    return (x.square().sum(1) / x.shape[1] + 1) ** 3
