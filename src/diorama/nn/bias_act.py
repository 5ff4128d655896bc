"""A bias, a non-linearity that keeps the magnitude of features, and a limit: what follows every layer of StyleGAN2.

Reference: T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, arXiv:1912.04958, section 2.2 (order of
bias and non-linearity); T. Karras et al., arXiv:2006.06676, appendix D (limits for half precision).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.nn import kernels

ActivationName = Literal["linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish"]

_CURVED: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": F.softplus,
    "swish": F.silu,
}
_ROOT_TWO = ("relu", "lrelu", "swish")
_SLOPE = 0.2


class Pieces(NamedTuple):
    """A non-linearity of two straight pieces.

    Attributes:
        slope: below 0.
        gain: factor afterwards, above 0.
        clamp: largest absolute value, ``None`` for no limit.
    """

    slope: float
    gain: float
    clamp: float | None

    def limit(self, dtype: torch.dtype) -> float:
        """The largest absolute value as results of a type hold it, which are rounded; ``inf`` for no limit."""
        if self.clamp is None or self.clamp == math.inf:
            return math.inf
        # In Python: a tensor of that type would lie on the default device, perhaps while a graph is recorded there.
        mantissa, exponent = math.frexp(self.clamp)
        steps = 2 / torch.finfo(dtype).eps
        return math.ldexp(round(mantissa * steps) / steps, exponent)


def activation_gain(act: ActivationName) -> float:
    """The factor after which features keep their magnitude, as the published code has it: sqrt(2) or 1."""
    return math.sqrt(2.0) if act in _ROOT_TWO else 1.0


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    *,
    act: ActivationName = "linear",
    dim: int = 1,
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """``clamp(gain · act(x + b))``, of the shape and type of x.

    Args:
        x: any shape.
        b: (x.shape[dim],), or ``None``.
        act: the non-linearity.
        dim: the axis that the bias belongs to.
        alpha: slope of ``lrelu`` below 0; ``None`` for 0.2. Others have none.
        gain: factor after the non-linearity; ``None`` for :func:`activation_gain`.
        clamp: the largest absolute value of the result; ``None`` for no limit.

    Raises:
        ValueError: a bias that is not (x.shape[dim],).
    """
    factor = activation_gain(act) if gain is None else gain
    slope = _slope(act, alpha)
    if b is not None:
        if tuple(b.shape) != (x.shape[dim],):
            raise ValueError(f"b: {x.shape[dim]} features need as many biases, got {tuple(b.shape)}")
        b = b.to(x.dtype).reshape([-1 if axis == dim % x.dim() else 1 for axis in range(x.dim())])
    # The result tells on which side of 0 its argument was, so that it alone is kept for the gradient.
    if slope is not None and factor > 0 and (slope > 0 or act == "relu"):
        return _Straight.apply(x, b, Pieces(slope, factor, clamp))
    x = x if b is None else x + b
    y = _CURVED[act](x) if act in _CURVED else F.leaky_relu(x, slope or 0.0)
    y = y if factor == 1 else y * factor
    return y if clamp is None else y.clamp(-clamp, clamp)


def _slope(act: ActivationName, alpha: float | None) -> float | None:
    """The slope below 0 of non-linearities of two straight pieces; ``None`` of others."""
    if act == "lrelu":
        return _SLOPE if alpha is None else alpha
    return {"linear": 1.0, "relu": 0.0}.get(act)


class _Straight(torch.autograd.Function):
    """Bias, two straight pieces, factor and limit in one new tensor."""

    @staticmethod
    def forward(x: Tensor, b: Tensor | None, pieces: Pieces) -> Tensor:
        if kernels.read(x, b) and _is_dense(x):
            from diorama.nn import bias_act_triton

            return bias_act_triton.straight(x, b, pieces)
        y = x.clone() if b is None else x + b
        if pieces.slope != 1:
            F.leaky_relu_(y, pieces.slope)
        if pieces.gain != 1:
            y.mul_(pieces.gain)
        return y if pieces.clamp is None else y.clamp_(-pieces.clamp, pieces.clamp)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, b, ctx.pieces = inputs
        ctx.bias = None if b is None else b.shape
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (y,) = ctx.saved_tensors
        given = _Slopes.apply(grad, y, ctx.pieces)
        bias = None if ctx.bias is None else given.sum_to_size(ctx.bias)
        return given, bias, None


class _Slopes(torch.autograd.Function):
    """A gradient times the slope at every place: linear in the gradient, and its own adjoint."""

    @staticmethod
    def forward(grad: Tensor, y: Tensor, pieces: Pieces) -> Tensor:
        if kernels.read(grad, y) and _is_dense(y):
            from diorama.nn import bias_act_triton

            alike = grad if grad.stride() == y.stride() else torch.empty_like(y).copy_(grad)
            return bias_act_triton.sloped(alike, y, pieces)
        slope, gain, clamp = pieces
        h = grad.clone() if slope == 1 else torch.ops.aten.leaky_relu_backward(grad, y, slope, True)
        if gain != 1:
            h.mul_(gain)
        limit = pieces.limit(y.dtype)
        return h if clamp is None else torch.ops.aten.hardtanh_backward(h, y, -limit, limit)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, y, ctx.pieces = inputs
        ctx.save_for_backward(y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        return _Slopes.apply(grad, y, ctx.pieces), None, None


def _is_dense(x: Tensor) -> bool:
    """Whether memory has no gaps and repeats nothing; such are features, not what was cut out or expanded."""
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))
