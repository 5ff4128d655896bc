"""Layers whose stored weights have unit variance and are scaled whenever they are used, so that all learn equally fast.

Reference: T. Karras, T. Aila, S. Laine, J. Lehtinen, arXiv:1710.10196, section 4.1; as T. Karras et al.,
arXiv:1912.04958, use it: weights are divided by the root of what goes into an output, and the non-linearity brings its
own factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn.bias_act import ActivationName, activation_gain, bias_act
from diorama.nn.conv_resample import conv2d_resample
from diorama.nn.convolution import conv2d
from diorama.nn.fir import Resampling, fir_filter


class EqualizedLinear(nn.Module):
    """(b, inputs) -> (b, outputs), with a non-linearity.

    Args:
        inputs: how many numbers go in.
        outputs: how many come out.
        act: the non-linearity.
        rate: what the layer learns at, in multiples of others; its stored weights are as many times larger.
        bias: that it begins with.
    """

    def __init__(
        self, inputs: int, outputs: int, *, act: ActivationName = "linear", rate: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.act: ActivationName = act
        self.scale, self.rate = rate / math.sqrt(max(inputs, 1)), rate
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.scale).to(x.dtype)
        bias = (self.bias * self.rate).to(x.dtype)
        if self.act == "linear":
            return F.linear(x, weight, bias)
        return bias_act(F.linear(x, weight), bias, act=self.act)


class EqualizedConv2d(nn.Module):
    """A convolution that may change the resolution: (b, inputs, h, w) -> (b, outputs, h', w').

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel, odd.
        bias: whether there is one.
        act: the non-linearity.
        how: ``up`` and ``down``.
        taps: the filter of the resampling.
        clamp: limit of absolute values of the result; ``None`` for none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        bias: bool = True,
        act: ActivationName = "linear",
        how: Resampling | None = None,
        taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0),
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.act: ActivationName = act
        how = how or Resampling()
        self.how = Resampling(up=how.up, down=how.down, padding=kernel // 2)
        self.scale, self.clamp = 1 / math.sqrt(inputs * kernel * kernel), clamp
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.register_buffer("filter", fir_filter(taps), persistent=False)
        self.filter: Tensor

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """Convolve.

        Args:
            x: (b, inputs, h, w).
            gain: further factor of the result, and of its limit.
        """
        weight = (self.weight * self.scale).to(x.dtype)
        # Enlarging convolutions mirror their weights in the published networks.
        y = conv2d_resample(x, weight, self.filter, self.how, flip_weight=self.how.up == 1)
        clamp = None if self.clamp is None else self.clamp * gain
        return bias_act(y, self.bias, act=self.act, gain=activation_gain(self.act) * gain, clamp=clamp)


class HeLinear(nn.Module):
    """(b, inputs) -> (b, outputs), weights scaled by He's constant sqrt(2 / inputs) whenever they are used."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, he_scaled(self.weight).to(x.dtype), self.bias.to(x.dtype))


class HeConv2d(nn.Module):
    """(b, inputs, h, w) -> (b, outputs, h', w'), weights scaled by He's constant whenever they are used."""

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int = 0) -> None:
        super().__init__()
        self.padding = padding
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        padding = (self.padding, self.padding)
        return conv2d(x, he_scaled(self.weight).to(x.dtype), bias=self.bias.to(x.dtype), padding=padding)


def he_scaled(weight: Tensor, inputs: int = 1) -> Tensor:
    """Weights times sqrt(2 / what goes into an output).

    Args:
        weight: any shape.
        inputs: the axis of inputs; those behind the first two count as well.
    """
    return weight * math.sqrt(2 / (weight.shape[inputs] * math.prod(weight.shape[2:])))
