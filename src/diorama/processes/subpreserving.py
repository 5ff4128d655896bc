"""The sub-variance-preserving process: the signal of the variance-preserving one with less noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.preserving import PreservingProcess


@dataclass(frozen=True, kw_only=True)
class SubPreservingProcess(PreservingProcess):
    """``alpha`` is that of :class:`~diorama.processes.preserving.PreservingProcess`, and ``sigma = 1 - alpha²``: the
    square of the deviation there.

    Reference: Y. Song et al., arXiv:2011.13456, equation 29.
    """

    @classmethod
    def between(cls, low: float, high: float, first: float = 1e-3) -> SubPreservingProcess:
        """See :meth:`PreservingProcess.between`; less noise at the same rate asks for another rate."""
        # The deviation here is the square of that of the other process, of the same alpha.
        alphas = [math.exp(-math.asinh(ratio / 2)) for ratio in (low, high)]
        other_low, other_high = (math.sqrt(1 - alpha**2) / alpha for alpha in alphas)
        fitted = PreservingProcess.between(other_low, other_high, first)
        return cls(beta_min=fitted.beta_min, beta_growth=fitted.beta_growth)

    def at(self, t: Tensor) -> Level:
        """The levels of times t."""
        exponent = self._exponent(t)
        return Level(t=t, alpha=(-exponent / 2).exp(), sigma=-torch.expm1(-exponent))

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t."""
        alpha, rate = self.at(t).alpha, self._rate(t)
        return -rate / 2 * alpha, rate * alpha**2

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of ratios sigma / alpha."""
        # alpha solves 1 - alpha² = ratio alpha, and 1 / alpha = sinh(u) + cosh(u) = exp(u) with 2 sinh(u) = ratio.
        return self._time(2 * (ratio / 2).asinh())
