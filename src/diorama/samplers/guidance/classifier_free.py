"""Classifier-free guidance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from diorama.samplers.guidance.base import Combine, TwoAnswers, between


@dataclass(frozen=True, kw_only=True)
class ClassifierFreeGuidance(TwoAnswers):
    """Extrapolates from what the model says without a condition to what it says with one.

    Reference: J. Ho, T. Salimans, "Classifier-free diffusion guidance", arXiv:2207.12598, equation 6, with
    ``scale = 1 + w``.
    """

    def combination(self, scale: float) -> Combine:
        """See :meth:`TwoAnswers.combination`."""
        return partial(between, scale=scale)
