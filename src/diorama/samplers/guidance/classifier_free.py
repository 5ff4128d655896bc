"""Guidance: denoisers made of denoisers."""

from __future__ import annotations

from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction
from diorama.processes.precondition import limited
from diorama.processes.threshold import Threshold


class ClassifierFree:
    """Extrapolates from what the model says without a condition to what it says with one.

    Args:
        conditional: the denoiser with its condition.
        unconditional: the same without, or a weaker one.
        scale: 1 is the conditional denoiser itself, 0 the unconditional one.
        threshold: how the clean sample is limited after the extrapolation, which leaves the data's range even where
            both denoisers keep to it; ``None`` leaves it as it is.

    Reference: J. Ho, T. Salimans, "Classifier-free diffusion guidance", arXiv:2207.12598, equation 6, with
    ``scale = 1 + w``; with a weaker denoiser: T. Karras et al., arXiv:2406.02507, equation 3.
    """

    def __init__(
        self, conditional: Denoise, unconditional: Denoise, scale: float, *, threshold: Threshold | None = None
    ) -> None:
        self.conditional, self.unconditional = conditional, unconditional
        self.scale, self.threshold = scale, threshold

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...)."""
        with_condition = self.conditional(x, level)
        without = self.unconditional(x, level).clean
        clean = without.lerp(with_condition.clean, self.scale)
        return limited(with_condition._replace(clean=clean), self.threshold)
