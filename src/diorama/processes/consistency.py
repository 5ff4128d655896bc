"""What goes into a consistency model and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.precondition import EDMPreconditioning


@dataclass(frozen=True, kw_only=True)
class ConsistencyPreconditioning(EDMPreconditioning):
    """EDM's preconditioning, moved so that at the least noise the model returns what it is given.

    ``c_skip = s² / ((r - r_min)² + s²)`` and ``c_out = (r - r_min) s / sqrt(r² + s²)``, with ``r = sigma / alpha`` and
    ``s = sigma_data``: at ``r_min`` they are 1 and 0 whatever the network says.

    Args:
        sigma_min: the ratio sigma / alpha of the least noise; 0 leaves EDM's preconditioning.

    Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, appendix C.
    """

    sigma_min: float = 0.002

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sigma_min >= 0:
            raise ValueError(f"sigma_min must be at least 0, got {self.sigma_min}")

    def _skip(self, level: Level) -> Tensor:
        above = level.sigma / level.alpha - self.sigma_min
        return self.sigma_data**2 / (above**2 + self.sigma_data**2)

    def _out(self, level: Level) -> Tensor:
        out = (level.sigma / level.alpha - self.sigma_min) * self.sigma_data / self._total(level)
        return -out if self.reverse else out
