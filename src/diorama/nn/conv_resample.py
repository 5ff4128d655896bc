"""A convolution together with a change of resolution, each done where there are fewer pixels.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, arXiv:1912.04958, appendix B.
"""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from diorama.nn.convolution import conv2d, conv_transpose2d
from diorama.nn.fir import Resampling, padded_down, padded_up, upfirdn2d

_convolve = partial(conv2d, relaid=True)
"""The layout in which CPUs filter and enlarge fast is not that of their gradients of weights."""


def conv2d_resample(
    x: Tensor, w: Tensor, f: Tensor | None, how: Resampling, *, groups: int = 1, flip_weight: bool = True
) -> Tensor:
    """What enlarging, filtering, a convolution, filtering and thinning come to.

    Args:
        x: (b, c, h, w).
        w: weights (o, c / groups, kh, kw).
        f: filter of the resampling, (n,) or (n, m); ``None`` for none.
        how: ``padding`` counts pixels of what was enlarged, beside those that the filter needs to keep its place.
        groups: of the convolution.
        flip_weight: correlate, as PyTorch's convolutions do; else the weights are mirrored.

    Returns:
        (b, o, h', w').
    """
    (up, down, sides), flip = how.geometry, how.flip_filter
    if up != (1, 1):
        sides = padded_up(f, up, sides)
    if down != (1, 1):
        sides = padded_down(f, down, sides)
    pixels = up[0] * up[1]
    alone = w.shape[2:] == (1, 1)
    if up != (1, 1) and not (alone and down == (1, 1)):
        how = Resampling(up=up, down=down, padding=sides, flip_filter=flip)
        return _enlarged(x, w.flip(2, 3) if flip_weight else w, f, how, groups)
    weight = w if flip_weight or alone else w.flip(2, 3)
    if up == (1, 1) and down != (1, 1) and alone:
        thin = upfirdn2d(x, f, Resampling(down=down, padding=sides, flip_filter=flip))
        return _convolve(thin, weight, groups=groups)
    if up != (1, 1):
        mixed = _convolve(x, weight, groups=groups)
        return upfirdn2d(mixed, f, Resampling(up=up, padding=sides, flip_filter=flip), pixels)
    if down != (1, 1):
        smooth = upfirdn2d(x, f, Resampling(padding=sides, flip_filter=flip))
        return _convolve(smooth, weight, stride=(down[1], down[0]), groups=groups)
    left, right, top, bottom = sides
    if left == right >= 0 and top == bottom >= 0:
        return _convolve(x, weight, padding=(top, left), groups=groups)
    return _convolve(F.pad(x, sides), weight, groups=groups)


def _enlarged(x: Tensor, mirrored: Tensor, f: Tensor | None, how: Resampling, groups: int) -> Tensor:
    """The convolution among the pixels that there are, which puts its results at their places; then the filter."""
    up, down, (left, right, top, bottom) = how.geometry
    kh, kw = mirrored.shape[2:]
    # A transposed convolution spreads pixels over kernels: it is mirrored, and reaches a kernel less one too far.
    wide = conv_transpose2d(x, _transposed(mirrored, groups), stride=(up[1], up[0]), groups=groups, relaid=True)
    sides = (left - (kw - 1), right - (kw - up[0]), top - (kh - 1), bottom - (kh - up[1]))
    smooth = upfirdn2d(wide, f, Resampling(padding=sides, flip_filter=how.flip_filter), up[0] * up[1])
    if down == (1, 1):
        return smooth
    return upfirdn2d(smooth, f, Resampling(down=down, flip_filter=how.flip_filter))


def _transposed(weight: Tensor, groups: int) -> Tensor:
    """(o, c / groups, kh, kw) -> (c, o / groups, kh, kw)."""
    outputs, inputs, *kernel = weight.shape
    apart = weight.reshape(groups, outputs // groups, inputs, *kernel).transpose(1, 2)
    return apart.reshape(groups * inputs, outputs // groups, *kernel)
