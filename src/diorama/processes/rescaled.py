"""A process whose samples are held in another scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.preserving import PreservingProcess


@dataclass(frozen=True, kw_only=True)
class RescaledProcess:
    """At each time the sigma / alpha of another process, and a scale of its own.

    Args:
        of: the other process.
        keeps: what keeps its scale: the data, so that alpha is 1; or the variance of noisy data of unit variance, so
            that ``alpha² + sigma²`` is 1.

    Reference: s(t) beside sigma(t) in T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, equation 4 and table
    1 (scaling); the paper's sigma is sigma / alpha here, and its s is alpha.
    """

    of: ExplodingProcess | PreservingProcess = field(default_factory=ExplodingProcess)
    keeps: Literal["data", "variance"] = "data"

    @property
    def end(self) -> float:
        """That of the other process."""
        return self.of.end

    def at(self, t: Tensor) -> Level:
        """The levels of times t."""
        ratio = self._ratio(t)
        if self.keeps == "data":
            return Level(t=t, alpha=torch.ones_like(ratio), sigma=ratio)
        alpha = (1 + ratio**2).rsqrt()
        return Level(t=t, alpha=alpha, sigma=ratio * alpha)

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of alpha and sigma by t."""
        level, ratio, (of_alpha, of_sigma) = self.of.at(t), self._ratio(t), self.of.slopes(t)
        slope = (of_sigma - ratio * of_alpha) / level.alpha
        if self.keeps == "data":
            return torch.zeros_like(slope), slope
        cubed = (1 + ratio**2) ** -1.5
        return -ratio * slope * cubed, slope * cubed

    def time_of(self, ratio: Tensor) -> Tensor:
        """As of the other process."""
        return self.of.time_of(ratio)

    def prior_scale(self, t: Tensor) -> Tensor:
        """Sigma, or 1 where the variance is kept."""
        level = self.at(t)
        return level.sigma if self.keeps == "data" else torch.ones_like(level.sigma)

    def _ratio(self, t: Tensor) -> Tensor:
        level = self.of.at(t)
        return level.sigma / level.alpha
