"""Classifier guidance: the gradient of how likely a sample is to be what is asked for moves it that way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction
from diorama.processes.gaussian import like

Form = Literal["mean", "score"]
"""What a gradient moves: the mean of each step of ancestral sampling; or the score, and so what any sampler is told."""


class Gradient(Protocol):
    """The gradient by x (b, ...) of the log-probability of what is asked for, at a level; of the shape of x."""

    def __call__(self, x: Tensor, level: Level) -> Tensor: ...


class ClassifierGuided:
    """A denoiser whose samples are moved by a gradient.

    The score form's clean samples may leave the range of the data, as in the paper's code.

    Args:
        denoise: the denoiser; where it limits its clean samples, it does so before it is guided.
        gradient: of what is asked for.
        scale: multiplies it; 0 is the denoiser itself.
        form: ``mean`` hands the gradient to ancestral sampling, the only sampler that reads it; ``score`` adds it to
            the score of the noisy sample, of any process and for any sampler.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, algorithm 1 (``mean``) and algorithm 2 (``score``); Y. Song et
    al., arXiv:2011.13456, equation 14.
    """

    def __init__(self, denoise: Denoise, gradient: Gradient, scale: float, *, form: Form = "score") -> None:
        self.denoise, self.gradient, self.scale, self.form = denoise, gradient, scale, form

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...)."""
        prediction = self.denoise(x, level)
        if self.scale == 0:
            return prediction
        gradient = self.scale * self.gradient(x, level)
        if self.form == "mean":
            before = prediction.gradient
            return prediction._replace(gradient=gradient if before is None else before + gradient)
        # The noise falls by sigma times the gradient, and so the clean sample grows by this. Pure noise says nothing of
        # either.
        share = (level.sigma**2 / level.alpha).masked_fill(level.alpha == 0, 0.0)
        shift = like(share, x) * gradient
        unclipped = prediction.unclipped
        return prediction._replace(
            clean=prediction.clean + shift, unclipped=None if unclipped is None else unclipped + shift
        )


Logits = Callable[[Tensor, Level], Tensor]
"""``(x, level) -> logits (b, classes)`` of noisy samples x (b, ...)."""


class LabelGradient:
    """The gradient of a noisy classifier's log-probability of labels.

    Args:
        logits: of noisy samples of the process that is guided.
        label: (b,) int64, one for each sample.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, section 4.
    """

    def __init__(self, logits: Logits, label: Tensor) -> None:
        self.logits, self.label = logits, label

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        """See :class:`Gradient`."""
        with torch.enable_grad():
            given = x.detach().requires_grad_()
            chosen = F.log_softmax(self.logits(given, level), dim=1).gather(1, self.label[:, None])
            (gradient,) = torch.autograd.grad(chosen.sum(), given)
        return gradient
