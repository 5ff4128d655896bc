"""The straight path of flow matching and rectified flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Level


@dataclass(frozen=True, kw_only=True)
class FlowProcess:
    """``x = (1 - t) * clean + t * noise`` for t in [0, 1]: at the end only noise is left.

    Args:
        prior: what samples start with: noise of unit variance, or of the variance that it has at the first level.

    Reference: Y. Lipman et al., arXiv:2210.02747, section 4.1 (optimal transport path, with time reversed); X. Liu,
    C. Gong, Q. Liu, arXiv:2209.03003, equation 1.
    """

    prior: Literal["unit", "noise"] = field(default="unit", metadata={LATER: True})

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
        """1; or sigma, see ``prior``. At the end both are the same."""
        return torch.ones_like(t) if self.prior == "unit" else t
