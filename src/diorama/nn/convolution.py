"""Convolutions whose gradients can be differentiated without PyTorch's detours, with its values and derivatives.

Where a gradient is itself differentiated, PyTorch takes gradients of weights by a convolution whose kernel is as large
as the picture, for which cuDNN has slow algorithms only: on GPUs they are taken there as gradients of weights are
anywhere. What lies in which layout stays as it is.

On CPUs layers may ask for the same functions, whatever is differentiated: these convolve with the channels of a pixel
side by side, and take gradients of weights with the pixels of a channel side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn.differentiation import is_asked_for, is_twice_differentiable

Numbers = tuple[int, int]
"""Rows and columns."""

_ON_GPUS = (torch.float32, torch.float16, torch.bfloat16)


def conv2d(
    x: Tensor,
    weight: Tensor,
    *,
    bias: Tensor | None = None,
    stride: Numbers = (1, 1),
    padding: Numbers = (0, 0),
    groups: int = 1,
    relaid: bool = False,
) -> Tensor:
    """A convolution: (b, c, h, w) -> (b, o, h', w').

    Args:
        x: features.
        weight: (o, c / groups, kh, kw).
        bias: (o,), of the type of the features.
        stride: of the convolution.
        padding: zeros on both sides.
        groups: of channels that do not mix.
        relaid: on CPUs gradients of weights are taken in another layout than that of the features.
    """
    return _convolved(x, weight, bias, _How(stride, padding, False, groups), relaid=relaid)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    *,
    bias: Tensor | None = None,
    stride: Numbers = (1, 1),
    padding: Numbers = (0, 0),
    groups: int = 1,
    relaid: bool = False,
) -> Tensor:
    """A transposed one: (b, c, h, w), weights (c, o / groups, kh, kw) -> (b, o, h', w').

    All else is that of :func:`conv2d`; ``padding`` is what the result lacks on both sides.
    """
    return _convolved(x, weight, bias, _How(stride, padding, True, groups), relaid=relaid)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, how: _How, *, relaid: bool) -> Tensor:
    """Either of the two, by functions of our own or by PyTorch's."""
    if _has_own_gradients(x, weight, relaid=relaid):
        y = _Convolution.apply(x, _inside(weight), how)
        return y if bias is None else y + bias[:, None, None]
    convolve = F.conv_transpose2d if how.transposed else F.conv2d
    return convolve(x, weight, bias, stride=how.stride, padding=how.padding, groups=how.groups)


class Conv2d(nn.Conv2d):
    """PyTorch's layer by :func:`conv2d`: the same weights, drawn alike, and the same names.

    Args:
        inputs: channels.
        outputs: channels.
        kernel: its side, or its rows and columns.
        stride: pixels from one place to the next.
        padding: zeros on every side.
        groups: of channels that do not mix.
        bias: whether it has one.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | Numbers,
        stride: int = 1,
        padding: int = 0,
        *,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)
        self._steps, self._margin = (stride, stride), (padding, padding)

    def forward(self, input: Tensor) -> Tensor:
        return self.by(input, self.weight)

    def by(self, x: Tensor, weight: Tensor) -> Tensor:
        """The layer's convolution with other weights of the same shape."""
        return conv2d(x, weight, bias=self.bias, stride=self._steps, padding=self._margin, groups=self.groups)


def _has_own_gradients(x: Tensor, weight: Tensor, *, relaid: bool) -> bool:
    """Whether gradients are taken by the functions below, and not by PyTorch's."""
    # PyTorch has no public name for the second question: derivatives forwards have rules for its own functions only.
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    if not (torch.is_grad_enabled() and weight.requires_grad and x.dtype == weight.dtype):
        return False
    device, inside = x.device.type, x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    chosen = is_chosen(device, x.dtype, twice=is_twice_differentiable(), relaid=relaid and inside)
    # There are kinds of devices about whose autocast PyTorch refuses to answer.
    return chosen and not torch.is_autocast_enabled(device)


def is_chosen(device: str, dtype: torch.dtype, *, twice: bool, relaid: bool) -> bool:
    """Whether functions of our own are the faster ones for gradients.

    Args:
        device: kind of device.
        dtype: of features and weights.
        twice: gradients are themselves differentiated.
        relaid: another layout is asked for, and is not that of the features.
    """
    if device == "cpu":
        return relaid and dtype == torch.float32
    return device == "cuda" and twice and dtype in _ON_GPUS


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
