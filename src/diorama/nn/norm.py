"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from diorama.nn.activations import ActivationName, activation


@cache
def _cuda_kernels() -> Callable[..., Tensor] | None:
    """The two-pass kernels; ``None`` where there is no CUDA device or no Triton."""
    if not torch.cuda.is_available() or find_spec("triton") is None:
        return None
    from diorama.nn.group_norm_triton import group_norm_silu

    return group_norm_silu


class GroupNormAct(nn.GroupNorm):
    """Group normalisation and the activation that follows it, (b, c, ...) -> the same shape.

    Args:
        groups: divides ``channels``.
        channels: c.
        eps: added to the variance.
        act: the activation, or ``None`` for the bare normalisation.

    Reference: Y. Wu, K. He, "Group normalization", arXiv:1803.08494.
    """

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-5, act: ActivationName | None = None) -> None:
        super().__init__(groups, channels, eps=eps)
        self.act = activation(act) if act else None
        self.silu = act == "silu"
        self.on_cuda = _cuda_kernels() if act in (None, "silu") else None

    def forward(
        self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None, offset: Tensor | None = None
    ) -> Tensor:
        """Normalise.

        Args:
            x: (b, c, h, w).
            scale: (b, c), one more than it multiplies what is normalised, before the activation.
            shift: (b, c), added to that.
            offset: (b, c), added to ``x`` first.
        """
        if x.is_cuda and self.on_cuda is not None:
            weight: Tensor = self.weight
            bias: Tensor = self.bias
            if scale is not None and shift is not None:
                weight, bias = weight * (1 + scale), bias * (1 + scale) + shift
            return self.on_cuda(x, weight, bias, groups=self.num_groups, eps=self.eps, silu=self.silu, offset=offset)
        if offset is not None:
            x = x + offset[:, :, None, None]
        x = super().forward(x)
        if scale is not None and shift is not None:
            x = x * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return x if self.act is None else self.act(x)
