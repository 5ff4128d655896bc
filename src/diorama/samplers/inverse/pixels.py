"""Measurements pixel by pixel: some are known, the means of squares of them, or their grey values."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from diorama.samplers.constrained import LUMINANCE
from diorama.samplers.inverse.operator import TightOperator


@dataclass(frozen=True, kw_only=True)
class DownConfig:
    """How much smaller a picture is made.

    Args:
        factor: pixels along a side of the squares whose means are measured, at least 2.
    """

    factor: int = 4

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise ValueError(f"factor must be at least 2, got {self.factor}")

    def build(self, shape: tuple[int, int, int], like: Tensor) -> DownOperator:
        """The operator for pictures (c, h, w).

        Raises:
            ValueError: height or width is no multiple of the factor.
        """
        _, height, width = shape
        if height % self.factor or width % self.factor:
            raise ValueError(f"factor: {self.factor} does not divide pictures of {width} x {height}")
        return DownOperator(self.factor)


class DownOperator(TightOperator):
    """Means of squares of pixels.

    Args:
        factor: pixels along a side of a square.
    """

    def __init__(self, factor: int) -> None:
        self.factor, self.scale = factor, 1 / factor

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h / factor, w / factor)."""
        return F.avg_pool2d(x, self.factor)

    def adjoint(self, y: Tensor) -> Tensor:
        """See :meth:`Operator.adjoint`."""
        return F.interpolate(y, scale_factor=self.factor, mode="nearest") / self.factor**2


@dataclass(frozen=True, kw_only=True)
class MaskConfig:
    """Pixels outside a mask are measured, those under it are not; the mask is given beside the picture."""

    def build(self, shape: tuple[int, int, int], like: Tensor, mask: Tensor | None = None) -> MaskOperator:
        """The operator for pictures (c, h, w).

        Args:
            shape: of a picture.
            like: gives the device.
            mask: (h, w) bool, true where nothing is measured.

        Raises:
            ValueError: there is no mask, or it is of another size, or nothing is measured.
        """
        if mask is None:
            raise ValueError("mask: this operator needs one; name it with --mask")
        if tuple(mask.shape) != shape[1:]:
            raise ValueError(f"mask: is {mask.shape[1]} x {mask.shape[0]} pixels, the pictures {shape[2]} x {shape[1]}")
        if mask.all():
            raise ValueError("mask: covers the whole picture, so nothing is measured")
        return MaskOperator(shape, (~mask).to(like.device))


class MaskOperator(TightOperator):
    """The known pixels, (b, c, k).

    Args:
        shape: (c, h, w) of a picture.
        known: (h, w) bool.
    """

    def __init__(self, shape: tuple[int, int, int], known: Tensor) -> None:
        self.shape, self._places = shape, known.flatten().nonzero().squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """See :meth:`Operator.forward`."""
        return x.flatten(2)[..., self._places]

    def adjoint(self, y: Tensor) -> Tensor:
        """The known pixels in their places, 0 in the others."""
        channels, height, width = self.shape
        whole = y.new_zeros(len(y), channels, height * width).index_copy(-1, self._places, y)
        return whole.reshape(-1, *self.shape)


@dataclass(frozen=True, kw_only=True)
class GreyConfig:
    """The grey values of colour pictures are measured."""

    def build(self, shape: tuple[int, int, int], like: Tensor) -> GreyOperator:
        """The operator for pictures (3, h, w), of the type and on the device of ``like``.

        Raises:
            ValueError: the pictures have no three channels.
        """
        if shape[0] != 3:
            raise ValueError(f"grey: needs pictures of 3 channels (colour), these have {shape[0]}")
        return GreyOperator(like)


class GreyOperator(TightOperator):
    """Grey values, (b, 1, h, w), by the weights of :data:`~diorama.samplers.constrained.LUMINANCE`.

    Args:
        like: gives type and device.
    """

    def __init__(self, like: Tensor) -> None:
        self._weights = like.new_tensor(LUMINANCE).reshape(3, 1, 1)
        self.scale = float(self._weights.double().norm())

    def forward(self, x: Tensor) -> Tensor:
        """See :meth:`Operator.forward`."""
        return (self._weights * x).sum(1, keepdim=True)

    def adjoint(self, y: Tensor) -> Tensor:
        """See :meth:`Operator.adjoint`."""
        return self._weights * y
