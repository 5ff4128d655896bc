"""How far the rows of weights are from being orthogonal, shape ()."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def orthogonality(weights: Sequence[Tensor]) -> Tensor:
    """Half the sum of squared products of different rows, of all weights.

    The lengths of rows are free. The gradient is what the authors' code adds: for each weight, twice the matrix of
    those products times the weight, at half of that.

    Args:
        weights: (rows, …) each; what follows the rows is one axis.

    Reference: Brock, Donahue, Simonyan 2019, arXiv 1809.11096, equation 3, with the products of rows (outputs), as in
        the authors' code, and without its weight beta (1e-4 in the paper).
    """
    total = weights[0].new_zeros((), dtype=torch.float32)
    # Products of long rows lose what is small in half precision.
    with torch.autocast(weights[0].device.type, enabled=False):
        for weight in weights:
            rows = weight.float().flatten(1)
            products = rows @ rows.T
            total = total + products.square().sum() - products.diagonal().square().sum()
    return 0.5 * total
