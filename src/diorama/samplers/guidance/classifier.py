"""Classifier guidance as a setting of a model; its mathematics are in :mod:`diorama.samplers.classifier_guidance`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from diorama.core.contracts import Level
from diorama.samplers.ancestral import AncestralConfig
from diorama.samplers.classifier_guidance import Form, Gradient
from diorama.samplers.guidance.base import Beside, GuidanceConfig


@dataclass(frozen=True, kw_only=True)
class ClassifierGuidance(GuidanceConfig):
    """Moves samples along the gradient of a noisy classifier's log-probability of their label.

    As with classifier-free guidance, a scale of 1 is the model itself: the papers' gradient scale s is ``scale - 1``.

    Args:
        form: what the gradient moves: ``score``, for any sampler; ``mean``, of the steps of ancestral sampling; or
            ``auto``, as in the paper: the mean of ancestral steps, and the score for all other samplers. What takes no
            steps of the sampler (students, DDRM) has the score moved in any case.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, algorithms 1 and 2.
    """

    beside: ClassVar[Beside] = "classifier"

    form: Literal["auto", "mean", "score"] = "auto"

    def form_for(self, sampler: object) -> Form:
        """What the gradient moves where this sampler, by its config, draws; where none does, the score."""
        return "mean" if self.form != "score" and isinstance(sampler, AncestralConfig) else "score"

    def within(self, gradient: Gradient) -> Gradient:
        """The gradient where the model is guided, and zero elsewhere."""

        def limited(x: Tensor, level: Level) -> Tensor:
            acts = self.acts_at(level)
            if acts.dim() == 0:
                return gradient(x, level) if bool(acts) else torch.zeros_like(x)
            return torch.where(acts.to(x.device), gradient(x, level), torch.zeros_like(x))

        return limited
