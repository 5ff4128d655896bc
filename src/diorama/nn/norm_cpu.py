"""Group normalisation for bfloat16 feature maps in channels-last order on CPUs.

PyTorch's kernel for this case (2.13) costs more than the convolution that follows it. Here each pass over the feature
map is one vectorised operation; everything between passes is (b, c) in float32.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_CHUNK = 16


def fits(x: Tensor) -> bool:
    """Whether ``x`` (b, c, h, w) is what this module is for."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.bfloat16
        and x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def group_norm(x: Tensor, groups: int, gain: Tensor, bias: Tensor, eps: float, silu: bool) -> Tensor:
    """Normalise over groups of channels, scale and shift, and apply SiLU if asked.

    Args:
        x: (b, c, h, w) bfloat16, channels last.
        groups: divides c.
        gain: (b, c) float32.
        bias: (b, c) float32.
        eps: added to the variance.
        silu: whether the activation follows.

    Returns:
        Like ``x``.
    """
    return _GroupNorm.apply(x, groups, gain, bias, eps, silu)


def _rows(x: Tensor) -> Tensor:
    """(b, c, h, w) channels last as (b, h w, c), without a copy."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, x.shape[1])


def _total(rows: Tensor) -> Tensor:
    """Sums over places, (b, n, c) -> (b, c) float32. Short sums in bfloat16 first: that kernel is vectorised."""
    b, n, c = rows.shape
    if n % _CHUNK == 0:
        rows = rows.view(b, n // _CHUNK, _CHUNK, c).sum(2)
    return rows.sum(1, dtype=torch.float32)


def _per_group(values: Tensor, groups: int) -> Tensor:
    """Sums over the channels of each group, spread over them again: (b, c) -> (b, c)."""
    b, c = values.shape
    return values.view(b, groups, -1).sum(2, keepdim=True).expand(b, groups, c // groups).reshape(b, c)


def _affine(rows: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.addcmul(shift.to(rows.dtype)[:, None], rows, scale.to(rows.dtype)[:, None])


class _GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int, gain: Tensor, bias: Tensor, eps: float, silu: bool) -> Tensor:
        rows = _rows(x)
        count = rows.shape[1] * (rows.shape[2] // groups)
        mean = _per_group(_total(rows), groups) / count
        square = _per_group(_total(rows.square()), groups) / count
        inverse = (square - mean**2).clamp(min=0).add(eps).rsqrt()
        scale = inverse * gain
        shift = bias - mean * scale
        ctx.save_for_backward(x, gain, mean, inverse, scale, shift)
        ctx.groups, ctx.silu, ctx.count = groups, silu, count
        out = _affine(rows, scale, shift)
        if silu:
            out = F.silu(out, inplace=True)
        return out.view(x.shape[0], *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, mean, inverse, scale, shift = ctx.saved_tensors
        rows = _rows(x)
        # The input of SiLU is computed again: one pass, instead of a feature map kept until now.
        grads = _rows(grad.contiguous(memory_format=torch.channels_last))
        if ctx.silu:
            grads = torch.ops.aten.silu_backward(grads, _affine(rows, scale, shift))
        total = _total(grads)
        product = inverse * (_total(grads * rows) - mean * total)  # sum over places of grad times normalised x
        first = _per_group(gain * total, ctx.groups) / ctx.count
        second = _per_group(gain * product, ctx.groups) / ctx.count
        of_x = -(inverse**2) * second
        out = _affine(rows, of_x, -inverse * first - mean * of_x)
        out = torch.addcmul(out, grads, scale.to(grads.dtype)[:, None])
        out = out.view(x.shape[0], *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)
        return out, None, product, total, None, None
