"""Adaptive projected guidance (APG): classifier-free guidance that does not oversaturate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.samplers.guidance.base import Combine, Space, TwoAnswers, product


@dataclass(frozen=True, kw_only=True)
class ProjectedGuidance(TwoAnswers):
    """Classifier-free guidance whose push is damped where it is parallel to the clean sample, short, and remembered.

    Args:
        parallel: share that is kept of the push's part along the conditional clean sample, eta; 1 keeps it whole.
        longest: norm that the push of one sample is cut to, r.
        momentum: share of the pushes before that is added to the present one, beta; negative turns away from them.

    Reference: S. Sadat, O. Hilliges, R. M. Weber, "Eliminating oversaturation and artifacts of high guidance scales in
    diffusion models", arXiv:2410.02416, algorithm 1; the defaults for momentum and parallel are the paper's, and its
    ``longest`` is 2.5 to 15, by model.
    """

    space: ClassVar[Space] = "clean"

    parallel: float = 0.0
    longest: float = math.inf
    momentum: float = -0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.longest > 0:
            raise ValueError(f"longest must be positive, got {self.longest}")
        if not abs(self.momentum) < 1:
            raise ValueError(f"momentum must be in (-1, 1), got {self.momentum}")

    def combination(self, scale: float) -> Combine:
        """See :meth:`TwoAnswers.combination`."""
        return _Projected(self, scale)


class _Projected:
    """One walk's pushes."""

    def __init__(self, config: ProjectedGuidance, scale: float) -> None:
        self.config, self.scale = config, scale
        self._before: Tensor | None = None

    def __call__(self, strong: Tensor, weak: Tensor) -> Tensor:
        config = self.config
        push = strong - weak
        if self._before is not None:
            push = push + config.momentum * self._before
        self._before = push
        if math.isfinite(config.longest):
            norm = product(push, push).sqrt()
            push = push * torch.minimum(torch.ones_like(norm), config.longest / norm).to(push.dtype)
        direction = F.normalize(strong.flatten(1), dim=1).reshape(strong.shape)
        along = product(push, direction).to(push.dtype) * direction
        return strong + (self.scale - 1) * (push - along + config.parallel * along)
