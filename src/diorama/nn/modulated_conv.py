"""Convolutions whose weights are scaled for each sample by its style, and brought back to unit magnitude.

Scaling a sample's features before the convolution and after it does the same as scaling its weights, and lets one
convolution serve the whole batch. Kernels of one pixel are products of matrices, where it is the weights that are
scaled.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, arXiv:1912.04958, equations 1 to 3;
T. Karras et al., arXiv:2106.12423, appendix D (StyleGAN3's normalisation of weights, styles and inputs).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn.conv_resample import conv2d_resample
from diorama.nn.convolution import conv2d
from diorama.nn.fir import Resampling

_EPS = 1e-8
_AS_IT_IS = Resampling()


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    noise: Tensor | None = None,
    f: Tensor | None = None,
    how: Resampling = _AS_IT_IS,
    demodulate: bool = True,
    flip_weight: bool = True,
) -> Tensor:
    """StyleGAN2's convolution.

    Args:
        x: (b, c, h, w).
        weight: (o, c, kh, kw).
        styles: (b, c), the factor of every input.
        noise: added to the result, broadcasts against it; ``None`` for none.
        f: filter of the resampling.
        how: see :func:`~diorama.nn.conv_resample.conv2d_resample`.
        demodulate: divide each output by the norm of its scaled weights.
        flip_weight: correlate; else the weights are mirrored.

    Returns:
        (b, o, h', w'), of the type of x.
    """
    if demodulate and _is_half(x):
        # Only ratios count where weights are normalised afterwards; kept small, sums do not overflow.
        weight = weight * (1 / math.sqrt(weight[0].numel()) / weight.abs().amax(dim=(1, 2, 3), keepdim=True))
        styles = styles / styles.abs().amax(dim=1, keepdim=True)
    if weight.shape[2:] == (1, 1) and how == _AS_IT_IS:
        y = _pointwise(x, _scaled(weight, styles, styles, demodulate))
        return y if noise is None else y + noise.to(y.dtype)
    x = x * styles.to(x.dtype)[:, :, None, None]
    y = conv2d_resample(x, weight.to(x.dtype), f, how, flip_weight=flip_weight)
    if demodulate:
        factors = _norms(weight, styles).to(y.dtype)[:, :, None, None]
        return y * factors if noise is None else torch.addcmul(noise.to(y.dtype), y, factors)
    return y if noise is None else y + noise.to(y.dtype)


def normalized_modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    padding: int | tuple[int, int] = 0,
    demodulate: bool = True,
    input_gain: Tensor | None = None,
    b: Tensor | None = None,
) -> Tensor:
    """StyleGAN3's convolution.

    Args:
        x: (b, c, h, w).
        weight: (o, c, kh, kw).
        styles: (b, c), the factor of every input.
        padding: zeros on every side, or (rows, columns).
        demodulate: weights and styles are brought to a root mean square of 1 (each output's weights; the styles of the
            whole batch), and each output is divided by the norm of its scaled weights.
        input_gain: further factors of the inputs, (), (c,) or (b, c), which the norm does not see.
        b: bias (o,), or ``None``.

    Returns:
        (b, o, h', w'), of the type of x.
    """
    if demodulate:
        weight = weight * weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        styles = styles * styles.square().mean().rsqrt()
    scales = styles if input_gain is None else styles * input_gain
    if weight.shape[2:] == (1, 1) and padding in (0, (0, 0)):
        y = _pointwise(x, _scaled(weight, styles, scales, demodulate))
        return y if b is None else y + b.to(y.dtype)[:, None, None]
    sides = (padding, padding) if isinstance(padding, int) else padding
    y = conv2d(x * scales.to(x.dtype)[:, :, None, None], weight.to(x.dtype), padding=sides, relaid=True)
    bias = None if b is None else b.to(y.dtype)[:, None, None]
    if not demodulate:
        return y if bias is None else y + bias
    factors = _norms(weight, styles).to(y.dtype)[:, :, None, None]
    return y * factors if bias is None else torch.addcmul(bias, y, factors)


def _scaled(weight: Tensor, styles: Tensor, scales: Tensor, demodulate: bool) -> Tensor:
    """Weights of one pixel for each sample, (b, o, c): times ``scales``, over their norm under ``styles``."""
    rows = weight.flatten(1) * scales[:, None]
    return rows * _norms(weight, styles)[:, :, None] if demodulate else rows


def _pointwise(x: Tensor, weights: Tensor) -> Tensor:
    """Each sample's (b, c, h, w) pixels times its own weights (b, o, c)."""
    weights = weights.to(x.dtype)
    h, w = x.shape[2:]
    if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (b, h w, c)
        return (pixels @ weights.transpose(1, 2)).unflatten(1, (h, w)).permute(0, 3, 1, 2)
    return (weights @ x.flatten(2)).unflatten(2, (h, w))


def _norms(weight: Tensor, styles: Tensor) -> Tensor:
    """One over the norm of each output's scaled weights: (b, o), in float32."""
    with torch.autocast(styles.device.type, enabled=False):
        squares = weight.float().square().sum(dim=(2, 3))  # (o, c)
        return (F.linear(styles.float().square(), squares) + _EPS).rsqrt()


def _is_half(x: Tensor) -> bool:
    """Whether the convolution will be in float16, which ends at 65504."""
    kind = x.device.type
    cast = torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.float16
    return cast or x.dtype == torch.float16
