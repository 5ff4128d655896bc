"""Masked two-dimensional Fourier transform: what a Cartesian MRI scan measures, idealised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diorama.samplers.inverse.operator import TightOperator


@dataclass(frozen=True, kw_only=True)
class MRIConfig:
    """Which lines of k-space are measured: a band in the middle, and random ones beside it.

    Pictures are real, so that line -k tells what line k does. Both are measured or neither, lest a mask of a quarter
    of the lines knows nearly half of the picture.

    Args:
        acceleration: one of so many lines is measured, at least 1.
        centre: share of all lines that lie in the band in the middle, in (0, 1].
        seed: of the other lines.

    Reference: J. Zbontar et al., "fastMRI", arXiv:1811.08839, section 4.2, but for the pairs.
    """

    acceleration: float = 4.0
    centre: float = 0.08
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.acceleration >= 1:
            raise ValueError(f"acceleration must be at least 1, got {self.acceleration:g}")
        if not 0 < self.centre <= 1:
            raise ValueError(f"centre must be in (0, 1], got {self.centre:g}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")

    def lines(self, width: int) -> np.ndarray:
        """Numbers of the measured lines of pictures of a width, rising; line 0 is the constant, as FFTs order them.

        Raises:
            ValueError: the band in the middle alone has more lines than are to be measured.
        """
        total = max(1, round(width / self.acceleration))
        # Pairs -k and k beside the one line 0.
        band = max(0, round((width * self.centre - 1) / 2))
        if 2 * band + 1 > total:
            raise ValueError(
                f"centre: {self.centre:g} of {width} lines are {2 * band + 1}, and an acceleration of "
                f"{self.acceleration:g} measures {total}"
            )
        ks = np.arange(width // 2 + 1)
        beside = ks[band + 1 :]
        # In even widths the last line is its own mirror.
        cost = np.where((2 * beside) % width == 0, 1, 2)
        chosen, left = list(ks[: band + 1]), total - (2 * band + 1)
        for place in np.random.default_rng(self.seed).permutation(len(beside)):
            if cost[place] <= left:
                chosen.append(beside[place])
                left -= int(cost[place])
        return np.unique(np.concatenate([chosen, (-np.array(chosen)) % width]))

    def build(self, shape: tuple[int, int, int], like: Tensor) -> FourierOperator:
        """The operator for pictures (c, h, w), of the type and on the device of ``like``.

        Raises:
            ValueError: see :meth:`lines`.
        """
        return FourierOperator(shape, torch.from_numpy(self.lines(shape[2])).to(like.device))


class FourierOperator(TightOperator):
    """Columns of the orthonormal Fourier transform, (b, c, h, lines, 2) with real and imaginary parts last.

    Args:
        shape: (c, h, w) of a picture.
        lines: (lines,) int64; with each its mirror.
    """

    def __init__(self, shape: tuple[int, int, int], lines: Tensor) -> None:
        self.shape, self.lines = shape, lines

    def forward(self, x: Tensor) -> Tensor:
        """See :meth:`Operator.forward`."""
        return torch.view_as_real(torch.fft.fft2(x, norm="ortho")[..., self.lines])

    def adjoint(self, y: Tensor) -> Tensor:
        """The zero-filled picture."""
        values = torch.view_as_complex(y.contiguous())
        whole = values.new_zeros(len(y), *self.shape).index_copy(-1, self.lines, values)
        return torch.fft.ifft2(whole, norm="ortho").real
