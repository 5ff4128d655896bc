"""Dropout, fast also where PyTorch draws one Bernoulli number after another."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from diorama.nn.differentiation import is_twice_differentiable


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Set a share of the features to zero and scale up the others; in evaluation nothing.

    For 16-bit features on CPUs the mask is drawn as integers, four to a 64-bit number, and applied to the bits of the
    features: a tenth of the time of ``torch.nn.functional.dropout`` in PyTorch 2.13. The share is met to 2^-15.

    Args:
        x: of any shape.
        share: in [0, 1).
        training: whether to do anything.
    """
    half = x.device.type == "cpu" and x.dtype in (torch.bfloat16, torch.float16)
    if half and training and share > 0 and not is_twice_differentiable():
        return _BitDropout.apply(x, share)
    return F.dropout(x, share, training)


def _keep(shape: torch.Size, strides: tuple[int, ...], share: float) -> Tensor:
    """Random int16 of that layout: all bits set where a feature is kept, none where it is dropped."""
    bits = torch.empty(-(-shape.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    # 15 random bits minus the threshold cannot overflow; the sign, spread over all bits, is the mask.
    bits = bits.bitwise_right_shift_(1).sub_(round((1 - share) * 2**15) - 2**14).bitwise_right_shift_(15)
    return bits[: shape.numel()].as_strided(shape, strides)


class _BitDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share: float) -> Tensor:
        scaled = x * (1 / (1 - share))
        keep = _keep(scaled.shape, scaled.stride(), share)
        ctx.save_for_backward(keep)
        ctx.share = share
        return _masked(scaled, keep)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (keep,) = ctx.saved_tensors
        return _masked(grad * (1 / (1 - ctx.share)), keep), None


def _masked(owned: Tensor, keep: Tensor) -> Tensor:
    owned.view(torch.int16).bitwise_and_(keep)
    return owned
