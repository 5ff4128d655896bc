"""Normalisation layers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from diorama.nn import norm_cpu
from diorama.nn.activations import ActivationName, activation
from diorama.nn.differentiation import is_twice_differentiable

_log = logging.getLogger(__name__)


@cache
def _cuda_kernels() -> Callable[..., Tensor] | None:
    """The kernels for CUDA devices; ``None`` where there is no such device, and where they cannot be built.

    One small kernel is built to find that out, once, and the reason is logged: without it a missing C compiler would
    end the training at its first step.
    """
    if not torch.cuda.is_available():
        return None
    try:
        from diorama.nn.group_norm_triton import build_smallest, group_norm_silu

        build_smallest()
    except Exception as problem:
        # What a compiler, a header or a driver that is missing raises differs from one version of Triton to the next.
        reason = (str(problem).splitlines() or [""])[0]
        _log.warning(
            "group normalisation takes PyTorch's own kernels, which are slower: Triton's cannot be built here (%s: %s)",
            type(problem).__name__,
            reason,
        )
        return None
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
        self.silu = act == "silu"
        self.act = activation(act) if act else None

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
        # The fused kernels have one derivative, and are written for pictures.
        fused = x.dim() == 4 and not is_twice_differentiable()
        kernels = _cuda_kernels() if fused and x.is_cuda else None
        if kernels is not None:
            gain, bias = self._affine(scale, shift)
            x = kernels(x, gain, bias, groups=self.num_groups, eps=self.eps, silu=self.silu, offset=offset)
            return x if self.act is None or self.silu else self.act(x)
        if fused and norm_cpu.fits(x, self.num_groups):
            gain, bias = (t.float().expand(x.shape[:2]) for t in self._affine(scale, shift))
            offset = torch.zeros_like(gain) if offset is None else offset.float()
            x = norm_cpu.group_norm(x, gain, bias, offset, groups=self.num_groups, eps=self.eps, silu=self.silu)
            return x if self.act is None or self.silu else self.act(x)
        if offset is not None:
            x = x + offset[:, :, None, None]
        x = super().forward(x)
        if scale is not None and shift is not None:
            x = x * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return x if self.act is None else self.act(x)

    def _affine(self, scale: Tensor | None, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        """What multiplies and what is added after the normalisation: (c,), or (b, c) with ``scale`` and ``shift``."""
        if scale is None or shift is None:
            return self.weight, self.bias
        return self.weight * (1 + scale), self.bias * (1 + scale) + shift
