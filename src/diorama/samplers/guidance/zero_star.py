"""CFG-Zero*: classifier-free guidance of flows with an optimised scale, and first steps of zero velocity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from diorama.samplers.guidance.base import Combine, Space, TwoAnswers, between, product

_LEAST = 1e-8
"""Added to a squared norm that is divided by."""


@dataclass(frozen=True, kw_only=True)
class ZeroStarGuidance(TwoAnswers):
    """Classifier-free guidance in which the unconditional velocity is first fitted to the conditional one.

    Args:
        still: first levels of the walk at which the sample is left where it is: there the velocity of a trained flow is
            worse than none.

    Reference: W. Fan, A. Y. Zheng, R. A. Yeh, Z. Liu, "CFG-Zero*", arXiv:2503.18886, equations 8 to 10 and section 4.2.
    """

    space: ClassVar[Space] = "flow"

    still: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.still < 0:
            raise ValueError(f"still must not be negative, got {self.still}")

    def combination(self, scale: float) -> Combine:
        """See :meth:`TwoAnswers.combination`."""

        def combine(strong: Tensor, weak: Tensor) -> Tensor:
            fitted = product(strong, weak) / (product(weak, weak) + _LEAST)
            return between(strong, weak * fitted.to(weak.dtype), scale)

        return combine

    def stands_still(self, step: int) -> bool:
        """See :meth:`TwoAnswers.stands_still`."""
        return step < self.still
