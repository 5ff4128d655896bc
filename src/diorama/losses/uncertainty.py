"""Errors that are divided by how large they are expected to be."""

from __future__ import annotations

from torch import Tensor


def uncertain(error: Tensor, log_variance: Tensor) -> Tensor:
    """Squared errors over their learned variance, and its logarithm, without which it would grow without end.

    Where the variance is right, every level counts alike, however hard it is.

    Args:
        error: squared errors, any shape.
        log_variance: of the errors; broadcasts against them.

    Reference: T. Karras, M. Aittala, J. Lehtinen, J. Hellsten, T. Aila, S. Laine, arXiv:2312.02696, equation 16.
    """
    return error / log_variance.exp() + log_variance
