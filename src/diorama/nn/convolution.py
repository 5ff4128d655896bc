"""Convolutions whose gradients are as fast as they are themselves, in derivatives of every order.

On CPUs, with the channels of a pixel side by side, PyTorch 2.13 convolves up to three times as fast (transposed
convolutions of stride two), and takes gradients of weights at a fifth of the speed: so these are taken with the pixels
of a channel side by side.

Where a gradient is itself differentiated, PyTorch takes gradients of weights by a convolution whose kernel is as large
as the picture, for which cuDNN has slow algorithms only: there they are taken as gradients of weights are anywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn.differentiation import is_asked_for, is_twice_differentiable

Numbers = tuple[int, int]
"""Rows and columns."""


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Numbers = (1, 1),
    padding: Numbers = (0, 0),
    groups: int = 1,
) -> Tensor:
    """A convolution: (b, c, h, w), weights (o, c / groups, kh, kw), bias (o,) or none -> (b, o, h', w')."""
    if not _has_own_gradients(x, weight):
        return F.conv2d(x, weight, bias, stride=stride, padding=padding, groups=groups)
    y = _Convolution.apply(x, _inside(weight), _How(stride, padding, False, groups))
    return y if bias is None else y + bias[:, None, None]


def conv_transpose2d(x: Tensor, weight: Tensor, *, stride: Numbers = (1, 1), groups: int = 1) -> Tensor:
    """A transposed one without bias: (b, c, h, w), weights (c, o / groups, kh, kw) -> (b, o, h', w')."""
    if _has_own_gradients(x, weight):
        return _Convolution.apply(x, _inside(weight), _How(stride, (0, 0), True, groups))
    return F.conv_transpose2d(x, weight, stride=stride, groups=groups)


class Conv2d(nn.Conv2d):
    """PyTorch's layer by :func:`conv2d`, where its padding is a number or two, with zeros, and nothing is dilated."""

    def forward(self, input: Tensor) -> Tensor:
        if isinstance(self.padding, str) or self.padding_mode != "zeros" or any(each != 1 for each in self.dilation):
            return super().forward(input)
        (rows, columns), (down, across) = self.padding, self.stride
        return conv2d(input, self.weight, self.bias, stride=(down, across), padding=(rows, columns), groups=self.groups)


def _has_own_gradients(x: Tensor, weight: Tensor) -> bool:
    """Whether gradients are taken by the functions below, and not by PyTorch's."""
    if not (torch.is_grad_enabled() and weight.requires_grad and x.dtype == weight.dtype):
        return False
    if torch.is_autocast_enabled(x.device.type) or torch.compiler.is_compiling():
        return False
    # Derivatives forwards have rules for PyTorch's own functions only; there is no public name for this question.
    if torch._C._are_functorch_transforms_active():
        return False
    if x.device.type == "cpu":
        inside = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        return inside and x.dtype == torch.float32
    return is_twice_differentiable()


class _How(NamedTuple):
    """What PyTorch's convolutions take beside tensors."""

    stride: Numbers
    padding: Numbers
    transposed: bool
    groups: int

    def gradient(self, grad: Tensor, x: Tensor, weight: Tensor, *wanted: bool) -> list[Tensor]:
        """PyTorch's own, by x, the weights or both."""
        how = (self.stride, self.padding, (1, 1), self.transposed, (0, 0), self.groups)
        return torch.ops.aten.convolution_backward(grad, x, weight, None, *how, (*wanted, False))


class _Bilinear(torch.autograd.Function):
    """A function that is linear in both of its arguments, which are all that its derivatives need."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *given, ctx.how = inputs
        ctx.save_for_backward(*given)


class _Convolution(_Bilinear):
    """(features, weights) -> features. Its gradients are the two functions below; theirs are of these three again."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, how: _How) -> Tensor:
        stride, padding, transposed, groups = how
        return torch.ops.aten.convolution(x, weight, None, stride, padding, (1, 1), transposed, (0, 0), groups)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (x, weight), how = ctx.saved_tensors, ctx.how
        first = _OfFeatures.apply(grad, weight, x, how) if is_asked_for(ctx, 0) else None
        second = _OfWeights.apply(grad, x, weight, how) if is_asked_for(ctx, 1) else None
        return first, second, None


class _OfFeatures(_Bilinear):
    """(gradient, weights) -> gradient by the features; of these only the shape counts."""

    @staticmethod
    def forward(grad: Tensor, weight: Tensor, x: Tensor, how: _How) -> Tensor:
        return how.gradient(_inside(grad), x, weight, True, False)[0]

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (grad, weight, _), how = ctx.saved_tensors, ctx.how
        direction = _inside(direction)
        first = _Convolution.apply(direction, weight, how) if is_asked_for(ctx, 0) else None
        second = _OfWeights.apply(grad, direction, weight, how) if is_asked_for(ctx, 1) else None
        return first, second, None, None


class _OfWeights(_Bilinear):
    """(gradient, features) -> gradient by the weights; of these only the shape counts."""

    @staticmethod
    def forward(grad: Tensor, x: Tensor, weight: Tensor, how: _How) -> Tensor:
        if x.device.type != "cpu":
            return how.gradient(grad, x, weight, False, True)[1]
        # The layout of weights decides as well, of which nothing else counts but their shape.
        shaped = torch.empty_like(weight, memory_format=torch.contiguous_format)
        return how.gradient(grad.contiguous(), x.contiguous(), shaped, False, True)[1]

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (grad, x, _), how = ctx.saved_tensors, ctx.how
        first = _Convolution.apply(x, direction, how) if is_asked_for(ctx, 0) else None
        second = _OfFeatures.apply(grad, direction, x, how) if is_asked_for(ctx, 1) else None
        return first, second, None, None


def _inside(x: Tensor) -> Tensor:
    """The same, on a CPU with the channels of a pixel side by side."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x
