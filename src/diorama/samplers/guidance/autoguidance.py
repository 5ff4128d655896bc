"""Autoguidance: a worse version of the model shows what to move away from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from diorama.samplers.guidance.base import Beside, Combine, TwoAnswers, between


@dataclass(frozen=True, kw_only=True)
class Autoguidance(TwoAnswers):
    """Extrapolates from what a guide says to what the model says; both are given the same condition.

    The guide is a smaller model, or one that was trained for a shorter time, on the same data.

    Reference: T. Karras, M. Aittala, T. Kynkäänniemi, J. Lehtinen, T. Aila, S. Laine, "Guiding a diffusion model with a
    bad version of itself", arXiv:2406.02507, equation 3.
    """

    beside: ClassVar[Beside] = "guide"

    def combination(self, scale: float) -> Combine:
        """See :meth:`TwoAnswers.combination`."""
        return partial(between, scale=scale)
