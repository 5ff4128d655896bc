"""One player: a network that finds the noise in a picture.

Reference: J. Ho, A. Jain, P. Abbeel, "Denoising diffusion probabilistic models", arXiv:2006.11239, equation 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.contracts import Batch, Loss, Moment
from diorama.methods.base import Method, MethodConfig, Phase
from diorama.processes.gaussian import noised, target_of
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class DDPMMethodConfig(MethodConfig):
    """Training of a diffusion model on its simple loss.

    Args:
        synthesizer: the model: network, process, target and the sampler it will be used with.
        label_dropout: share of labels that are replaced by the null label, for classifier-free guidance; J. Ho,
            T. Salimans, arXiv:2207.12598, algorithm 1.
        times: drawn independently, or spread evenly over a batch from one random offset, which lowers the loss's
            variance; D. P. Kingma et al., arXiv:2107.00630, appendix I.1.
    """

    synthesizer: DiffusionSynthesizerConfig
    label_dropout: float = 0.0
    times: Literal["independent", "spread"] = "independent"

    def __post_init__(self) -> None:
        if not 0 <= self.label_dropout < 1:
            raise ValueError(f"label_dropout must be in [0, 1), got {self.label_dropout}")
        if self.label_dropout and not self.synthesizer.denoiser.embedding.unconditional:
            raise ValueError("label_dropout needs a network with a null label (denoiser.embedding.unconditional)")

    def build(self) -> DDPMMethod:
        """The method with a freshly initialised network."""
        return DDPMMethod(self)


class DDPMMethod(Method):
    """See :class:`DDPMMethodConfig`."""

    def __init__(self, config: DDPMMethodConfig) -> None:
        super().__init__()
        self.config = config
        self.denoiser = config.synthesizer.denoiser.build()
        self.process = config.synthesizer.process.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``denoiser``."""
        return {"denoiser": list(self.denoiser.parameters())}

    def phases(self) -> Sequence[Phase]:
        """One turn."""
        return [Phase("loss", "denoiser", self.loss, recorded=True)]

    def averaged(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"denoiser": self.denoiser}

    def synthesizer(self) -> DiffusionSynthesizerConfig:
        """The network with its process and sampler."""
        return self.config.synthesizer

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean squared error of the prediction at random times (L_simple)."""
        clean = batch["image"]
        t = self._times(clean)
        level = self.process.at(t, clean.dim())
        noise = torch.randn_like(clean)
        output = self.denoiser(noised(clean, noise, level), t, self._label(batch))
        return Loss(F.mse_loss(output.float(), target_of(self.config.synthesizer.target, clean, noise, level)))

    def _times(self, clean: Tensor) -> Tensor:
        count, steps = clean.shape[0], self.process.steps
        if self.config.times == "independent":
            return torch.randint(steps, (count,), device=clean.device)
        places = torch.arange(count, device=clean.device) / count + torch.rand((), device=clean.device)
        return ((places % 1) * steps).long()

    def _label(self, batch: Batch) -> Tensor | None:
        classes = len(self.config.synthesizer.classes)
        if not classes:
            return None
        label = batch["label"]
        if not self.config.label_dropout:
            return label
        dropped = torch.rand(label.shape, device=label.device) < self.config.label_dropout
        return label.masked_fill(dropped, classes)
