"""Enlarging, filtering and thinning pictures in one operation, differentiable any number of times.

What :func:`upfirdn2d` means is: put zeros between pixels, pad, filter, keep every so many-th pixel. Nothing of that is
done: the zeros are never multiplied, since each of the places that pixels take among them has taps of its own, and
what would be thrown away is never computed.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, arXiv:1912.04958, appendix B;
P. P. Vaidyanathan, "Multirate systems and filter banks", 1993, section 4.3 (polyphase filters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn import kernels

Pair = int | Sequence[int]
"""One number for both directions, or (x, y)."""

_SEPARABLE = 8
"""Rows of so many taps or more stay rows, which are applied in both directions one after the other."""


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How pixels are enlarged and thinned.

    Args:
        up: places for each pixel, of which the others hold zeros; in both directions, or (x, y).
        down: one pixel of so many is kept, likewise.
        padding: zeros at the edges of what was enlarged: on all sides, (x, y), or (left, right, top, bottom); fewer
            than 0 cut off.
        flip_filter: correlate with the filter; else it is mirrored, which makes it a convolution.
    """

    up: Pair = 1
    down: Pair = 1
    padding: Pair = 0
    flip_filter: bool = False

    @property
    def geometry(self) -> Geometry:
        """Every number by its direction."""
        return Geometry(_pair(self.up), _pair(self.down), _sides(self.padding))


class Geometry(NamedTuple):
    """A resampling written out.

    Attributes:
        up: (x, y).
        down: (x, y).
        padding: (left, right, top, bottom).
    """

    up: tuple[int, int]
    down: tuple[int, int]
    padding: tuple[int, int, int, int]


class Bend(NamedTuple):
    """What follows a resampling: a leaky ReLU with a limit, or its slope as a factor.

    Attributes:
        slope: below 0.
        clamp: limit of absolute values, ``inf`` for none.
        at: what the slope is taken at; ``None`` for the non-linearity itself.
    """

    slope: float
    clamp: float
    at: Tensor | None = None

    @property
    def lowest(self) -> float:
        """The argument below which the limit is reached."""
        return -self.clamp / abs(self.slope) if self.slope else -math.inf

    def after(self, u: Tensor) -> Tensor:
        """The non-linearity of u, or u times the slope at ``at``; u may be overwritten."""
        if self.at is None:
            F.leaky_relu_(u, self.slope)
            return u if self.clamp == math.inf else u.clamp_(-self.clamp, self.clamp)
        u = torch.ops.aten.leaky_relu_backward(u, self.at, self.slope, False)
        return u if self.clamp == math.inf else torch.ops.aten.hardtanh_backward(u, self.at, self.lowest, self.clamp)


def _pair(value: Pair) -> tuple[int, int]:
    x, y = (value, value) if isinstance(value, int) else value
    if min(x, y) < 1:
        raise ValueError(f"up, down: must be at least 1, got {value}")
    return x, y


def _sides(value: Pair) -> tuple[int, int, int, int]:
    if isinstance(value, int):
        return value, value, value, value
    if len(value) == 2:
        return value[0], value[0], value[1], value[1]
    left, right, top, bottom = value
    return left, right, top, bottom


def fir_filter(
    taps: Sequence[Any],
    *,
    normalize: bool = True,
    flip_filter: bool = False,
    gain: float = 1.0,
    separable: bool | None = None,
) -> Tensor:
    """A filter as a tensor.

    Args:
        taps: numbers, or rows of numbers.
        normalize: let them sum to 1.
        flip_filter: mirror them.
        gain: what a picture is multiplied by, when the filter has been applied in both directions.
        separable: whether a row stays a row; ``None`` for those of eight taps or more, since shorter ones are faster
            as squares.

    Returns:
        float32, (n,) where separable, else (n, m).
    """
    f = torch.tensor(taps, dtype=torch.float32)
    row = f.dim() == 1
    if row and not (len(f) >= _SEPARABLE if separable is None else separable):
        f = torch.outer(f, f)
    if normalize:
        f = f / f.sum()
    if flip_filter:
        f = f.flip(list(range(f.dim())))
    return f * gain ** (f.dim() / 2)


def filter_size(f: Tensor | None) -> tuple[int, int]:
    """Taps of a filter in direction x and y; one for no filter."""
    return (1, 1) if f is None else (f.shape[-1], f.shape[0])


def upfirdn2d(x: Tensor, f: Tensor | None, how: Resampling, gain: float = 1.0) -> Tensor:
    """Enlarge, filter and thin out.

    Args:
        x: (b, c, h, w).
        f: the filter, (n,) for both directions or (n, m); ``None`` for none. It gets no gradient.
        how: by how much.
        gain: what the result is multiplied by.

    Returns:
        (b, c, h', w') with w' = (w · up + left + right - n) // down + 1, of the type and memory format of x.

    Raises:
        ValueError: nothing would be left.
    """
    kernel = correlated(x, f, how.flip_filter, gain)
    return resample(x, kernel, how.geometry)


def filter2d(x: Tensor, f: Tensor | None, padding: Pair = 0, *, flip_filter: bool = False, gain: float = 1.0) -> Tensor:
    """Filter without changing the size; ``padding`` adds to it."""
    (n, m), (left, right, top, bottom) = filter_size(f), _sides(padding)
    sides = (left + n // 2, right + (n - 1) // 2, top + m // 2, bottom + (m - 1) // 2)
    return upfirdn2d(x, f, Resampling(padding=sides, flip_filter=flip_filter), gain)


def upsample2d(
    x: Tensor, f: Tensor | None, up: Pair = 2, padding: Pair = 0, *, flip_filter: bool = False, gain: float = 1.0
) -> Tensor:
    """Enlarge ``up`` times and filter, as bright as before: (b, c, h, w) -> (b, c, h · up, w · up)."""
    times = _pair(up)
    sides = padded_up(f, times, _sides(padding))
    how = Resampling(up=times, padding=sides, flip_filter=flip_filter)
    return upfirdn2d(x, f, how, gain * times[0] * times[1])


def downsample2d(
    x: Tensor, f: Tensor | None, down: Pair = 2, padding: Pair = 0, *, flip_filter: bool = False, gain: float = 1.0
) -> Tensor:
    """Filter and keep one pixel of ``down``: (b, c, h, w) -> (b, c, h / down, w / down)."""
    times = _pair(down)
    sides = padded_down(f, times, _sides(padding))
    return upfirdn2d(x, f, Resampling(down=times, padding=sides, flip_filter=flip_filter), gain)


def padded_up(f: Tensor | None, up: tuple[int, int], sides: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The padding that keeps pixels in the middle of what they become when they are enlarged."""
    (n, m), (left, right, top, bottom) = filter_size(f), sides
    x, y = up
    return left + (n + x - 1) // 2, right + (n - x) // 2, top + (m + y - 1) // 2, bottom + (m - y) // 2


def padded_down(f: Tensor | None, down: tuple[int, int], sides: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The padding that keeps pixels in the middle of those that they are made of when they are thinned out."""
    (n, m), (left, right, top, bottom) = filter_size(f), sides
    x, y = down
    return left + (n - x + 1) // 2, right + (n - x) // 2, top + (m - y + 1) // 2, bottom + (m - y) // 2


def correlated(x: Tensor, f: Tensor | None, flip_filter: bool, gain: float) -> Tensor:
    """A filter as x is to be correlated with it, on its device, with the gain of all directions in it."""
    if f is None:
        f = x.new_ones((1, 1), dtype=torch.float32)
    if not flip_filter:
        f = f.flip(list(range(f.dim())))
    # Gains are rounded as finely as the picture is.
    return f.to(torch.promote_types(f.dtype, x.dtype)) * gain ** (f.dim() / 2)


def resample(x: Tensor, kernel: Tensor, geometry: Geometry) -> Tensor:
    """:func:`upfirdn2d` with a kernel of :func:`correlated`."""
    if torch.is_grad_enabled() and x.requires_grad:
        return _Resample.apply(x, kernel, geometry)
    return resampled(x, kernel, geometry)


def adjoint(geometry: Geometry, kernel: Tensor, before: Sequence[int], after: Sequence[int]) -> Geometry:
    """What takes the gradient back: enlarging and thinning change places, and the kernel is to be mirrored.

    Args:
        geometry: of the way there.
        kernel: (n,) or (n, m).
        before: (h, w) of what went in.
        after: (h', w') of what came out.
    """
    (x, y), (dx, dy) = geometry.up, geometry.down
    left, _, top, _ = geometry.padding
    n, m = filter_size(kernel)
    sides = (
        n - 1 - left,
        before[1] * x - after[1] * dx + left - x + 1,
        m - 1 - top,
        before[0] * y - after[0] * dy + top - y + 1,
    )
    return Geometry(geometry.down, geometry.up, sides)


def mirrored(kernel: Tensor) -> Tensor:
    """The kernel of the adjoint."""
    return kernel.flip(list(range(kernel.dim())))


class _Resample(torch.autograd.Function):
    """A linear map, whose gradient is a map of the same kind: it has derivatives of every order, and keeps no
    pictures for them."""

    @staticmethod
    def forward(x: Tensor, kernel: Tensor, geometry: Geometry) -> Tensor:
        return resampled(x, kernel, geometry)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, kernel, geometry = inputs
        ctx.save_for_backward(kernel)
        ctx.back = adjoint(geometry, kernel, x.shape[2:], output.shape[2:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (kernel,) = ctx.saved_tensors
        return _Resample.apply(grad, mirrored(kernel), ctx.back), None, None


def resampled(x: Tensor, kernel: Tensor, geometry: Geometry, bend: Bend | None = None) -> Tensor:
    """:func:`resample` without derivatives of its own; and then ``bend``."""
    if kernel.dim() == 2:
        return _filtered(x, kernel, geometry, bend)
    (up, down), (left, right, top, bottom) = (geometry.up, geometry.down), geometry.padding
    rows = Geometry((1, up[1]), (1, down[1]), (0, 0, top, bottom))
    columns = Geometry((up[0], 1), (down[0], 1), (left, right, 0, 0))
    # Columns of pixels lie further apart in memory than pixels of a row: they are filtered where there are fewer.
    if up[0] >= down[0]:
        return _filtered(_filtered(x, kernel[:, None], rows, None), kernel[None, :], columns, bend)
    return _filtered(_filtered(x, kernel[None, :], columns, None), kernel[:, None], rows, bend)


class _Axis(NamedTuple):
    """A resampling in one direction, as convolutions whose results lie between one another.

    Attributes:
        size: of what comes out.
        step: pixels between those that neighbouring results begin at.
        phases: for each convolution, its first tap and how many pixels after ``first`` that tap lies.
        first: the pixel at which the first result begins, may lie outside.
        window: pixels that a result is made of.
        last: the pixel at which the last result ends.
    """

    size: int
    step: int
    phases: tuple[tuple[int, int], ...]
    first: int
    window: int
    last: int


def _axis(size: int, taps: int, up: int, down: int, padding: tuple[int, int]) -> _Axis:
    before, after = padding
    results = (size * up + before + after - taps) // down + 1
    if results < 1 or size < 1:
        raise ValueError(f"padding: nothing is left of {size} pixels, {taps} taps, up {up}, down {down}, {padding}")
    apart = gcd(up, down)
    phases = []
    for place in range(up // apart):
        tap = (before - place * down) % up
        phases.append((tap, (place * down + tap - before) // up))
    first = min(start for _, start in phases)
    # One pixel at least, times zero, where all taps fall between pixels.
    window = max(1, *(start - first + len(range(tap, taps, up)) for tap, start in phases))
    each, step = -(-results // len(phases)), down // apart
    offsets = tuple((tap, start - first) for tap, start in phases)
    return _Axis(results, step, offsets, first, window, first + (each - 1) * step + window - 1)


def _filtered(x: Tensor, kernel: Tensor, geometry: Geometry, bend: Bend | None) -> Tensor:
    """:func:`resampled` with a kernel (m, n)."""
    c, h, w = x.shape[1:]
    (left, right, top, bottom), (m, n) = geometry.padding, kernel.shape
    column = _axis(h, m, geometry.up[1], geometry.down[1], (top, bottom))
    row = _axis(w, n, geometry.up[0], geometry.down[0], (left, right))
    if kernels.read(x):
        from diorama.nn import fir_triton

        return fir_triton.filtered(x, kernel, geometry, (column.size, row.size), bend)
    work = _working_type(x)
    padded, inside = _padded(x.to(work), row, column)
    kernel = kernel.to(work)

    def part(place: tuple[int, int], other: tuple[int, int]) -> Tensor:
        taps = kernel[place[0] :: geometry.up[1], other[0] :: geometry.up[0]]
        above, aside = place[1], other[1]
        rest = (column.window - above - taps.shape[0], row.window - aside - taps.shape[1])
        if above or aside or any(rest):
            taps = F.pad(taps, (aside, rest[1], above, rest[0]))
        weight = taps.expand(c, 1, column.window, row.window)
        return _depthwise(padded, weight, (column.step, row.step), inside)

    rows = [_between([part(place, other) for other in row.phases], 3) for place in column.phases]
    whole = _between(rows, 2)
    if whole.shape[2:] != (column.size, row.size):
        whole = whole[:, :, : column.size, : row.size]
    whole = whole.to(x.dtype)
    return whole if bend is None else bend.after(whole)


def _working_type(x: Tensor) -> torch.dtype:
    # Depthwise convolutions of 16-bit numbers fall back to plain loops on many processors.
    return torch.float32 if x.device.type == "cpu" and x.dtype in (torch.float16, torch.bfloat16) else x.dtype


def _padded(x: Tensor, row: _Axis, column: _Axis) -> tuple[Tensor, tuple[int, int]]:
    """The picture with the zeros that windows reach into, and those that the convolution itself is to add."""
    h, w = x.shape[2:]
    sides = (-row.first, row.last - (w - 1), -column.first, column.last - (h - 1))
    if sides[0] == sides[1] >= 0 and sides[2] == sides[3] >= 0:
        return x, (sides[2], sides[0])
    return F.pad(x, sides), (0, 0)


def _depthwise(x: Tensor, weight: Tensor, step: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    if not torch.is_autocast_enabled(x.device.type):
        return F.conv2d(x, weight, stride=step, padding=padding, groups=x.shape[1])
    with torch.autocast(x.device.type, enabled=False):
        return F.conv2d(x, weight, stride=step, padding=padding, groups=x.shape[1])


def _between(parts: list[Tensor], axis: int) -> Tensor:
    """Pictures of one size, with pixels of one between those of the others in the direction of ``axis``."""
    if len(parts) == 1:
        return parts[0]
    if parts[0].is_contiguous(memory_format=torch.channels_last) and not parts[0].is_contiguous():
        stacked = torch.stack([part.permute(0, 2, 3, 1) for part in parts], axis)
        return stacked.flatten(axis - 1, axis).permute(0, 3, 1, 2)
    return torch.stack(parts, axis + 1).flatten(axis, axis + 1)
