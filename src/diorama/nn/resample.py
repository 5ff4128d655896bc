"""Changing the resolution of feature maps by a factor of two."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn import kernels


def double(x: Tensor) -> Tensor:
    """Nearest-neighbour enlargement: (b, c, h, w) -> (b, c, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def halve(x: Tensor) -> Tensor:
    """Means of 2x2 pixels: (b, c, h, w) -> (b, c, h/2, w/2)."""
    return F.avg_pool2d(x, 2)


class ConvUp(nn.Module):
    """Nearest-neighbour enlargement and a 3x3 convolution: (b, c, h, w) -> (b, c, 2h, 2w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_cuda:
            return self.conv(double(x))
        # Of the nine products of each pixel five fall on repeated pixels: four kernels of 2x2 do the same.
        h = F.conv_transpose2d(x, _enlarging(self.conv.weight), stride=2, padding=1)
        return _add_bias(h, self.conv)


def _add_bias(h: Tensor, conv: nn.Conv2d) -> Tensor:
    """What a convolution gives on a GPU, from what its products come to: (b, c, h, w) -> the same shape."""
    assert conv.bias is not None
    # PyTorch too adds the bias after the convolution, but slowly. What was cut out would have to be copied first.
    if kernels.take(h) and h.is_contiguous(memory_format=torch.channels_last):
        # Imported here, since Triton comes with PyTorch's CUDA builds only.
        from diorama.nn.residual_sum import residual_sum

        return residual_sum(None, h, conv.bias)
    return h + conv.bias.to(h.dtype)[:, None, None]


def _enlarging(weight: Tensor) -> Tensor:
    """The transposed convolution of stride two that enlarges and convolves: (o, i, 3, 3) -> (i, o, 4, 4)."""
    kernel = weight.flip(2, 3)
    kernel = F.pad(kernel, (0, 1)) + F.pad(kernel, (1, 0))  # (o, i, 3, 4)
    kernel = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))  # (o, i, 4, 4)
    return kernel.transpose(0, 1)


class ConvDown(nn.Module):
    """A 3x3 convolution of stride two: (b, c, h, w) -> (b, c, h/2, w/2).

    Args:
        channels: c.
        padding: on every side; 0 pads one pixel on the right and at the bottom, as TensorFlow's ``SAME`` does.
    """

    def __init__(self, channels: int, padding: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=padding)
        self.asymmetric = padding == 0

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_cuda:
            return self.conv(F.pad(x, (0, 1, 0, 1)) if self.asymmetric else x)
        if not self.asymmetric:
            return _add_bias(F.conv2d(x, self.conv.weight, stride=2, padding=self.conv.padding), self.conv)
        # Padding by two on all sides needs no copy of x. The kernel then starts at pixels -2, 0, 2 ...: without the
        # first row and column that is what padding on the right and at the bottom gives.
        h = F.conv2d(x, self.conv.weight, stride=2, padding=2)
        height, width = x.shape[2] // 2, x.shape[3] // 2
        return _add_bias(h[:, :, 1 : 1 + height, 1 : 1 + width], self.conv)


Taps = tuple[float, ...]
"""A separable filter: the weights of neighbouring pixels in one direction, an even number of them. Only their ratios
count."""

BINOMIAL: Taps = (1.0, 3.0, 3.0, 1.0)


def checked_taps(taps: Taps) -> Taps:
    """The same filter.

    Raises:
        ValueError: an odd number of taps does not halve and double, and taps that sum to 0 are no filter.
    """
    if len(taps) % 2 or not taps or not math.isfinite(sum(taps)) or sum(taps) == 0:
        raise ValueError(f"taps: must be an even number of numbers whose sum is not 0, got {list(taps)}")
    return taps


def _filter(x: Tensor, taps: Taps, gain: float) -> Tensor:
    """The filter for each channel of x, scaled to sum to ``gain``: (c, 1, n, n)."""
    # Filled in where it is used: numbers that are copied from the processor could not be recorded.
    weights = torch.cat([x.new_full((1,), tap / sum(taps)) for tap in taps])
    kernel = weights[:, None] * weights[None, :] * gain
    return kernel.expand(x.shape[1], 1, len(taps), len(taps))


def fir_double(x: Tensor, taps: Taps = BINOMIAL) -> Tensor:
    """Enlargement with zeros between pixels, smoothed by a filter: (b, c, h, w) -> (b, c, 2h, 2w).

    Reference: R. Zhang, arXiv:1904.11486; T. Karras et al., arXiv:1912.04958.
    """
    padding = len(taps) // 2 - 1
    return F.conv_transpose2d(x, _filter(x, taps, 4.0), stride=2, padding=padding, groups=x.shape[1])


def fir_halve(x: Tensor, taps: Taps = BINOMIAL, *, padding: int | None = None) -> Tensor:
    """Smoothing by a filter and every second pixel: (b, c, h, w) -> (b, c, h/2, w/2).

    Args:
        x: (b, c, h, w).
        taps: the filter.
        padding: zeros on every side; ``None`` for as many as halve the size.
    """
    padding = len(taps) // 2 - 1 if padding is None else padding
    return F.conv2d(x, _filter(x, taps, 1.0), stride=2, padding=padding, groups=x.shape[1])
