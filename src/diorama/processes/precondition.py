"""From raw networks to ``denoise(x, level) -> Prediction``."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from diorama.core.contracts import Level, Prediction
from diorama.processes.gaussian import Target, clean_of, on


class TargetDenoise:
    """A network that is given the process's time and predicts noise, clean sample, velocity or score.

    Args:
        network: (x, t (b,), label) -> the prediction, of the shape of x.
        target: what it predicts.
        label: (b,) int64, or ``None``.
        clip: the clean sample is limited to [-1, 1], as in the published code of Ho et al. 2020.
    """

    def __init__(
        self,
        network: Callable[[Tensor, Tensor, Tensor | None], Tensor],
        target: Target,
        *,
        label: Tensor | None = None,
        clip: bool = False,
    ) -> None:
        self.network, self.target, self.label, self.clip = network, target, label, clip

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...)."""
        t = level.t.reshape(-1).to(x.device).expand(x.shape[0])
        output = self.network(x, t, self.label).to(x.dtype)
        clean = clean_of(self.target, output, x, on(level, x))
        return Prediction(clean.clamp(-1, 1) if self.clip else clean)
