"""Variance-exploding processes whose noise grows like a geometric series: in continuous time, and in steps (SMLD)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Level


def _check_ends(sigma_min: float, sigma_max: float) -> None:
    if not 0 < sigma_min < sigma_max < math.inf:
        raise ValueError(f"0 < sigma_min < sigma_max must hold, got sigma_min={sigma_min:g} sigma_max={sigma_max:g}")


@dataclass(frozen=True, kw_only=True)
class GeometricProcess:
    """``x = clean + sigma(t) * noise`` with ``sigma(t) = sigma_min (sigma_max / sigma_min)^t`` for t in (0, 1].

    Time 0 is clean data, and just above it lies ``sigma_min``: the paper's VE SDE begins with that little noise.

    Args:
        sigma_min: the least standard deviation, which must not show.
        sigma_max: the largest, beside which the data vanish: about the largest distance between two of them.

    Reference: Y. Song et al., arXiv:2011.13456, equation 31 and appendix C.
    """

    sigma_min: float = 0.01
    sigma_max: float = 50.0

    def __post_init__(self) -> None:
        _check_ends(self.sigma_min, self.sigma_max)

    @property
    def end(self) -> float:
        """1."""
        return 1.0

    def at(self, t: Tensor) -> Level:
        """The levels of times t."""
        sigma = self.sigma_min * (self.sigma_max / self.sigma_min) ** t
        return Level(t=t, alpha=torch.ones_like(t), sigma=torch.where(t > 0, sigma, torch.zeros_like(sigma)))

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """0, and the derivative of sigma by t."""
        return torch.zeros_like(t), self.at(t).sigma * math.log(self.sigma_max / self.sigma_min)

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of standard deviations; 0 of those below ``sigma_min``."""
        time = (ratio / self.sigma_min).log() / math.log(self.sigma_max / self.sigma_min)
        return time.clamp(min=0)

    def prior_scale(self, t: Tensor) -> Tensor:
        """sigma: what the data add to it is left out, as in the published sampler."""
        return self.at(t).sigma


@dataclass(frozen=True, kw_only=True)
class GeometricStepsProcess:
    """N noise levels that are a geometric series: time k is the k-th of them from the least, time 0 is clean data.

    Between whole times the series goes on, and below the first it is straight. It is what SMLD trains on, and the
    discrete form of :class:`GeometricProcess`.

    Args:
        steps: N, at least 2.
        sigma_min: the standard deviation at time 1.
        sigma_max: that at time N.

    Reference: Y. Song, S. Ermon, arXiv:1907.05600, section 4; Y. Song et al., arXiv:2011.13456, appendix B.
    """

    steps: int = 1_000
    sigma_min: float = 0.01
    sigma_max: float = 50.0

    def __post_init__(self) -> None:
        _check_ends(self.sigma_min, self.sigma_max)
        if self.steps < 2:
            raise ValueError(f"steps must be at least 2, got {self.steps}")

    @property
    def end(self) -> float:
        """N."""
        return float(self.steps)

    def at(self, t: Tensor) -> Level:
        """The levels of times in [0, N]; whole times may be given as integers, whose levels are float32."""
        time = t if t.is_floating_point() else t.float()
        sigma = torch.where(time < 1, self.sigma_min * time, self.sigma_min * (self._growth * (time - 1)).exp())
        return Level(t=t, alpha=torch.ones_like(sigma), sigma=sigma)

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """0, and the derivative of sigma by t; at time 1 that of what follows."""
        slope = torch.where(t < 1, torch.full_like(t, self.sigma_min), self._growth * self.at(t).sigma)
        return torch.zeros_like(t), slope

    def time_of(self, ratio: Tensor) -> Tensor:
        """The times of standard deviations."""
        share = ratio / self.sigma_min
        return torch.where(share < 1, share, 1 + share.log() / self._growth)

    def prior_scale(self, t: Tensor) -> Tensor:
        """sigma, as of :class:`GeometricProcess`."""
        return self.at(t).sigma

    @property
    def _growth(self) -> float:
        """Of log(sigma) in a step."""
        return math.log(self.sigma_max / self.sigma_min) / (self.steps - 1)
