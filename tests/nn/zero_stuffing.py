"""StyleGAN's operators as they are defined: zeros between pixels, whole filters, pixels thrown away."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn.fir import Resampling


def stuffed_upfirdn2d(x: Tensor, f: Tensor | None, how: Resampling, gain: float = 1.0) -> Tensor:
    """``upfirdn2d``."""
    (up, down, (left, right, top, bottom)), (b, c, h, w) = how.geometry, x.shape
    wide = x.new_zeros(b, c, h * up[1], w * up[0])
    wide[:, :, :: up[1], :: up[0]] = x
    wide = F.pad(wide, (left, right, top, bottom))
    f = torch.ones(1, 1) if f is None else f
    kernel = (f if f.dim() == 2 else torch.outer(f.to(x.dtype), f.to(x.dtype))).to(x.dtype)
    if not how.flip_filter:
        kernel = kernel.flip(0, 1)
    weight = (kernel * gain).expand(c, 1, *kernel.shape)
    return F.conv2d(wide, weight, groups=c)[:, :, :: down[1], :: down[0]]


def stuffed_filtered_lrelu(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    how: Resampling,
    *,
    gain: float = 2**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
) -> Tensor:
    """``filtered_lrelu``."""
    (ux, uy), down, sides = how.geometry
    x = x if b is None else x + b[:, None, None]
    up = Resampling(up=(ux, uy), padding=sides, flip_filter=how.flip_filter)
    fine = F.leaky_relu(stuffed_upfirdn2d(x, fu, up, ux * uy), slope) * gain
    fine = fine if clamp is None else fine.clamp(-clamp, clamp)
    return stuffed_upfirdn2d(fine, fd, Resampling(down=down, flip_filter=how.flip_filter))
