"""Group normalisation for bfloat16 feature maps in channels-last order on CPUs.

PyTorch's kernel for this case (2.13) costs more than the convolution that follows it. Here each pass over the feature
map is one vectorised operation; everything between passes is (b, c) in float32.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_RUN = 64
"""Places whose sum is rounded to bfloat16."""
_VECTOR = 16
"""Channels that PyTorch's kernel takes at once."""


def fits(x: Tensor, groups: int) -> bool:
    """Whether normalising ``x`` (b, c, h, w) is faster here; groups of 16, 32 … channels PyTorch handles well."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.bfloat16
        and x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.shape[1] // groups % _VECTOR != 0
    )


def group_norm(x: Tensor, gain: Tensor, bias: Tensor, offset: Tensor, *, groups: int, eps: float, silu: bool) -> Tensor:
    """Normalise ``x + offset`` over groups of channels, scale and shift it, and apply SiLU if asked.

    Args:
        x: (b, c, h, w) bfloat16, channels last.
        gain: (b, c) float32.
        bias: (b, c) float32.
        offset: (b, c) float32.
        groups: divides c.
        eps: added to the variance.
        silu: whether the activation follows.

    Returns:
        Like ``x``.
    """
    return _GroupNorm.apply(x, gain, bias, offset, groups, eps, silu)


def _rows(x: Tensor) -> Tensor:
    """(b, c, h, w) channels last as (b, h w, c), without a copy."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, x.shape[1])


def _picture(rows: Tensor, like: Tensor) -> Tensor:
    """The way back from :func:`_rows`."""
    b, c, h, w = like.shape
    return rows.view(b, h, w, c).permute(0, 3, 1, 2)


def _total(rows: Tensor) -> Tensor:
    """Sums over places, (b, n, c) -> (b, c) float32; of runs in bfloat16 first, for which there is a fast kernel."""
    b, n, c = rows.shape
    run = math.gcd(n, _RUN)
    return rows.view(b, n // run, run, c).sum(2).sum(1, dtype=torch.float32)


def _mean(values: Tensor, groups: int, places: int) -> Tensor:
    """From sums over places, (b, c), the mean of each group, for each of its channels."""
    b, c = values.shape
    mean = values.view(b, groups, -1).sum(2, keepdim=True) / (places * (c // groups))
    return mean.expand(b, groups, c // groups).reshape(b, c)


def _affine(rows: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> Tensor:
    return torch.addcmul(shift.to(rows.dtype)[:, None], rows, scale.to(rows.dtype)[:, None], out=out)


class _GroupNorm(torch.autograd.Function):
    """``y = act(scale * (x - centre) + bias)``.

    A rough centre is subtracted first, and the ``rest``, what it misses, goes into the bias: so rounding errors are
    small beside what is normalised, however far from zero that lies.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gain: Tensor, bias: Tensor, offset: Tensor, groups: int, eps: float, silu: bool
    ) -> Tensor:
        rows = _rows(x)
        places = rows.shape[1]
        rough = _mean(rows.sum(1, dtype=x.dtype).float() + places * offset, groups, places)
        centre = (rough - offset).to(x.dtype)
        apart = rows - centre[:, None]
        total = _total(apart)
        moved = offset + centre.float()
        rest = moved - _mean(total + places * moved, groups, places)
        out = torch.mul(apart, apart)
        variance = _mean(_total(out) + rest * (2 * total + places * rest), groups, places)
        inverse = variance.clamp(min=0).add(eps).rsqrt()
        scale = inverse * gain
        _affine(apart, scale, bias + scale * rest, out)
        ctx.save_for_backward(x, gain, bias, centre, rest, inverse, total)
        ctx.groups, ctx.silu = groups, silu
        return _picture(F.silu(out, inplace=True) if silu else out, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, bias, centre, rest, inverse, total = ctx.saved_tensors
        rows = _rows(x)
        places, scale = rows.shape[1], inverse * gain
        grads = _rows(grad.contiguous(memory_format=torch.channels_last))
        apart = rows - centre[:, None]
        out = torch.empty_like(rows)
        if ctx.silu:
            # Its input is computed again: one pass, instead of a feature map kept until now.
            before = _affine(apart, scale, bias + scale * rest, torch.empty_like(rows))
            grads = torch.ops.aten.silu_backward(grads, before, grad_input=before)
        of_bias = _total(grads)
        of_gain = inverse * (_total(torch.mul(grads, apart, out=out)) + rest * of_bias)
        # grad of x = scale * grad + slope * (x - centre) + level, from the means that normalisation takes away.
        slope = -(inverse**2) * _mean(gain * of_gain, ctx.groups, places)
        level = slope * rest - inverse * _mean(gain * of_bias, ctx.groups, places)
        of_x = _affine(apart, slope, level, out).addcmul_(grads, scale.to(grads.dtype)[:, None])
        of_offset = scale * of_bias + slope * total + places * level
        return _picture(of_x, x), of_gain, of_bias, of_offset, None, None, None
