"""Batch norm without a counter of batches, and batch norm whose gains and biases a condition gives.

Reference: Ioffe, Szegedy 2015, arXiv 1502.03167, algorithm 1; de Vries et al. 2017, arXiv 1707.00683, equations 5 and 6
(conditional).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class BatchStatistics(nn.Module):
    """Means and variances of maps over batches.

    Args:
        channels: of the maps.
        eps: added to the variance.
    """

    stored_mean: Tensor
    stored_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps, self.momentum = eps, 0.1
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def normalized(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Maps normalised by the batch in training, which moves the stored statistics, and by these in evaluation.

        Args:
            x: (b, c, h, w).
            gain: (c,), of what is normalised; ``None`` for 1.
            bias: (c,); ``None`` for 0.
        """
        return F.batch_norm(x, self.stored_mean, self.stored_var, gain, bias, self.training, self.momentum, self.eps)


class BatchNorm(BatchStatistics):
    """Batch norm with a gain and a bias for each channel; arguments as :class:`BatchStatistics`."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalised maps."""
        return self.normalized(x, self.gain, self.bias)


class ClassBatchNorm(BatchStatistics):
    """Batch norm with a gain and a bias for each channel of each sample.

    Args:
        channels: of the maps.
        gain: from what a sample is given to how much its gains differ from one, (b, channels).
        bias: from the same to its biases, (b, channels).
        eps: added to the variance.
    """

    def __init__(self, channels: int, gain: nn.Module, bias: nn.Module, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        self.gain, self.bias = gain, bias

    def forward(self, x: Float[Tensor, "b c h w"], given: Tensor) -> Float[Tensor, "b c h w"]:
        """Normalised maps.

        Args:
            x: the maps.
            given: what gain and bias read, b of them.
        """
        gain, bias = 1 + self.gain(given), self.bias(given)  # (b, c)
        return self.normalized(x) * gain[:, :, None, None] + bias[:, :, None, None]
