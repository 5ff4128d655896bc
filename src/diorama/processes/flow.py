"""The straight path of flow matching and rectified flow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Level


@dataclass(frozen=True, kw_only=True)
class FlowProcess:
    """``x = (1 - t) * clean + t * noise`` for t in [0, 1]: at the end only noise is left.

    Reference: Y. Lipman et al., arXiv:2210.02747, section 4.1 (optimal transport path, with time reversed); X. Liu,
    C. Gong, Q. Liu, arXiv:2209.03003, equation 1.
    """

    @property
    def end(self) -> float:
        """1."""
        return 1.0

    def at(self, t: Tensor) -> Level:
        """The levels of times in [0, 1]."""
        return Level(t=t, alpha=1 - t, sigma=t)

    def slopes(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """-1 and 1."""
        return -torch.ones_like(t), torch.ones_like(t)

    def time_of(self, ratio: Tensor) -> Tensor:
        """``ratio / (1 + ratio)``."""
        # Written so that an infinite ratio, pure noise, is time 1.
        return 1 / (1 + 1 / ratio)

    def prior_scale(self, t: Tensor) -> Tensor:
        """1."""
        return torch.ones_like(t)
