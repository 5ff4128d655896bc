"""How much each level counts in a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.precondition import Preconditioning


class Weighting(Protocol):
    """A weight of squared errors for every level."""

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """The weights of levels, of the shape of ``level.sigma``."""
        ...


@dataclass(frozen=True, kw_only=True)
class UniformWeighting:
    """All levels alike.

    Reference: of noise errors it is L_simple of J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 14.
    """

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """1."""
        return torch.ones_like(level.sigma)


@dataclass(frozen=True, kw_only=True)
class PreconditionedWeighting:
    """Errors of clean samples, weighted as the network's preconditioning weighs errors of its outputs.

    Reference: lambda of T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, equation 2 and table 1.
    """

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """See :meth:`~diorama.processes.precondition.Preconditioning.weight`."""
        return preconditioning.weight(level)


@dataclass(frozen=True, kw_only=True)
class TruncatedSNRWeighting:
    """Errors of clean samples, weighted by the ratio of signal to noise, and by 1 where there is more noise.

    Reference: T. Salimans, J. Ho, arXiv:2202.00512, equation 9.
    """

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """max(alpha² / sigma², 1)."""
        return (level.alpha / level.sigma).square().clamp(min=1)


@dataclass(frozen=True, kw_only=True)
class SNRWeighting:
    """Errors of clean samples, weighted by the ratio of signal to noise.

    Args:
        plus: is added to the ratio. 0 weighs errors of clean samples as errors of noise, 1 as errors of velocity,
            ``1 / sigma_data²`` as EDM does.

    Reference: T. Salimans, J. Ho, arXiv:2202.00512, section 4.
    """

    plus: float = 0.0

    def __post_init__(self) -> None:
        if not self.plus >= 0:
            raise ValueError(f"plus must be at least 0, got {self.plus}")

    def weight(self, level: Level, preconditioning: Preconditioning) -> Tensor:
        """alpha² / sigma² + plus."""
        return (level.alpha / level.sigma).square() + self.plus
