"""A leaky ReLU between two filters, at a higher resolution than its surroundings, so that no aliases come back.

Reference: T. Karras, M. Aittala, S. Laine, E. Härkönen, J. Hellsten, J. Lehtinen, T. Aila, arXiv:2106.12423, section
3.2 and appendix D.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from diorama.nn.bias_act import bias_act
from diorama.nn.fir import Bend, Geometry, Resampling, adjoint, correlated, mirrored, resampled

_AT_ONCE = 1 << 21
"""Pixels at the higher resolution that a CPU works on at a time: 8 MiB of them, which stay in its caches, and whose
memory is used again for the next."""


class _Way(NamedTuple):
    """Up, the non-linearity, down.

    Attributes:
        fu: kernel of the way up, with the gain of the non-linearity in it.
        fd: kernel of the way down.
        up: the way up.
        down: the way down.
        slope: below 0.
        clamp: limit of absolute values, ``inf`` for none.
    """

    fu: Tensor
    fd: Tensor
    up: Geometry
    down: Geometry
    slope: float
    clamp: float

    def bend(self, at: Tensor | None = None) -> Bend:
        """The non-linearity, or its slope at a place."""
        return Bend(self.slope, self.clamp, at)


def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    how: Resampling,
    *,
    gain: float = math.sqrt(2.0),
    slope: float = 0.2,
    clamp: float | None = None,
) -> Tensor:
    """Bias, enlargement, leaky ReLU, and back.

    On a CPU few channels are taken at a time, and the higher resolution is never held for all of them; gradients
    compute it anew.

    Args:
        x: (b, c, h, w).
        fu: filter of the enlargement, (n,) or (n, m); ``None`` for none.
        fd: filter of the way down, likewise.
        b: bias (c,), or ``None``.
        how: ``up`` with ``padding``, then ``down`` without.
        gain: factor after the leaky ReLU, above 0.
        slope: of the leaky ReLU below 0.
        clamp: limit of absolute values, at the higher resolution; ``None`` for none.

    Returns:
        (b, c, h', w').

    Raises:
        ValueError: a factor that is not above 0, or nothing would be left.
    """
    if gain <= 0:
        raise ValueError(f"gain must be above 0, got {gain}")
    (ux, uy), (dx, dy), sides = how.geometry
    if ux == uy == dx == dy == 1 and fu is None and fd is None and not any(sides):
        return bias_act(x, b, act="lrelu" if slope else "relu", alpha=slope, gain=gain, clamp=clamp)
    if b is not None:
        x = x + b.to(x.dtype)[:, None, None]
    way = _Way(
        fu=correlated(x, fu, how.flip_filter, ux * uy * gain),
        fd=correlated(x, fd, how.flip_filter, 1.0),
        up=Geometry((ux, uy), (1, 1), sides),
        down=Geometry((1, 1), (dx, dy), (0, 0, 0, 0)),
        slope=slope,
        clamp=math.inf if clamp is None else clamp,
    )
    if torch.is_grad_enabled() and x.requires_grad:
        return _Filtered.apply(x, way)
    return _in_parts(_value, way, x)


def _value(way: _Way, x: Tensor) -> Tensor:
    return resampled(resampled(x, way.fu, way.up, way.bend()), way.fd, way.down)


def _forwards(way: _Way, direction: Tensor, x: Tensor) -> Tensor:
    """The derivative at x in a direction."""
    u = resampled(x, way.fu, way.up)
    return resampled(resampled(direction, way.fu, way.up, way.bend(u)), way.fd, way.down)


def _backwards(way: _Way, grad: Tensor, x: Tensor) -> Tensor:
    """The gradient by x."""
    u = resampled(x, way.fu, way.up)
    to_fine = adjoint(way.down, way.fd, u.shape[2:], grad.shape[2:])
    fine = resampled(grad, mirrored(way.fd), to_fine, way.bend(u))
    return resampled(fine, mirrored(way.fu), adjoint(way.up, way.fu, x.shape[2:], u.shape[2:]))


def _in_parts(work: Callable[..., Tensor], way: _Way, *given: Tensor) -> Tensor:
    """What ``work`` makes of tensors that belong together, a few channels of one sample at a time on a CPU."""
    x = given[-1]
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return work(way, *given)
    whole: Tensor | None = None
    for n, channels in _parts(x, way):
        made = work(way, *(_part(tensor, n, channels) for tensor in given))
        if whole is None:
            shape = (*x.shape[:2], *made.shape[2:])
            whole = torch.empty(shape, dtype=x.dtype, memory_format=_format(given[0]))
        whole[n : n + 1, channels] = made
    assert whole is not None
    return whole


def _parts(x: Tensor, way: _Way) -> Iterator[tuple[int, slice]]:
    b, c, h, w = x.shape
    fine = h * way.up.up[1] * w * way.up.up[0]
    # Eight numbers are what a processor's register holds.
    few = max(_AT_ONCE // fine // 8, 1) * 8
    for n in range(b):
        for start in range(0, c, few):
            yield n, slice(start, min(start + few, c))


def _part(x: Tensor, n: int, channels: slice) -> Tensor:
    return x[n : n + 1, channels].contiguous(memory_format=torch.channels_last)


def _format(x: Tensor) -> torch.memory_format:
    plain = x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)
    return torch.contiguous_format if plain else torch.channels_last


class _Filtered(torch.autograd.Function):
    """The whole; only its argument is kept for the gradient."""

    @staticmethod
    def forward(x: Tensor, way: _Way) -> Tensor:
        return _in_parts(_value, way, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, ctx.way = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return _Backwards.apply(grad, x, ctx.way), None


class _Backwards(torch.autograd.Function):
    """The gradient, linear in the one that comes in. By x it is 0 wherever it has a derivative."""

    @staticmethod
    def forward(grad: Tensor, x: Tensor, way: _Way) -> Tensor:
        return _in_parts(_backwards, way, grad, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, x, ctx.way = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, direction: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return _Forwards.apply(direction, x, ctx.way), None, None


class _Forwards(torch.autograd.Function):
    """The derivative in a direction, linear in it: the adjoint of the gradient."""

    @staticmethod
    def forward(direction: Tensor, x: Tensor, way: _Way) -> Tensor:
        return _in_parts(_forwards, way, direction, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, x, ctx.way = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return _Backwards.apply(grad, x, ctx.way), None, None
