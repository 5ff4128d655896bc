"""Normalisation layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diorama.nn import kernels, norm_cpu
from diorama.nn.activations import ActivationName, activation
from diorama.nn.differentiation import is_twice_differentiable


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
        self,
        x: Tensor,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
        offset: Tensor | None = None,
        skip: Tensor | None = None,
    ) -> Tensor:
        """Normalise.

        Args:
            x: (b, c, h, w).
            scale: (b, c), one more than it multiplies what is normalised, before the activation.
            shift: (b, c), added to that.
            offset: (b, c), added to ``x`` first.
            skip: (b, c - c1, h, w), joined to ``x`` (b, c1, h, w), behind it; on GPUs without a copy.
        """
        if kernels.take(x, skip):
            x = self._on_cuda(x, scale, shift, offset, skip)
            return x if self.act is None or self.silu else self.act(x)
        x = x if skip is None else torch.cat([x, skip], dim=1)
        if norm_cpu.fits(x, self.num_groups) and not is_twice_differentiable():
            gain, bias = (t.float().expand(x.shape[:2]) for t in self._affine(scale, shift))
            offset = torch.zeros_like(gain) if offset is None else offset.float()
            x = norm_cpu.group_norm(x, gain, bias, offset, groups=self.num_groups, eps=self.eps, silu=self.silu)
            return x if self.act is None or self.silu else self.act(x)
        if offset is not None:
            x = x + offset[:, :, None, None]
        # PyTorch's derivative forwards of this layer fails on tensors whose channels come last.
        x = super().forward(x.contiguous() if is_twice_differentiable() else x)
        if scale is not None and shift is not None:
            x = x * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return x if self.act is None else self.act(x)

    def _on_cuda(
        self, x: Tensor, scale: Tensor | None, shift: Tensor | None, offset: Tensor | None, skip: Tensor | None
    ) -> Tensor:
        # Imported here, since Triton comes with PyTorch's CUDA builds only.
        from diorama.nn.group_norm_triton import group_norm_silu

        gain, bias = self._affine(scale, shift)
        return group_norm_silu(
            x, gain, bias, groups=self.num_groups, eps=self.eps, silu=self.silu, offset=offset, skip=skip
        )

    def _affine(self, scale: Tensor | None, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        """What multiplies and what is added after the normalisation: (c,), or (b, c) with ``scale`` and ``shift``."""
        if scale is None or shift is None:
            return self.weight, self.bias
        return self.weight * (1 + scale), self.bias * (1 + scale) + shift
