"""One player: a network that tells labels of noisy pictures apart, so that its gradient may guide a diffusion model.

Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, section 4 and appendix H.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.core.contracts import Batch, Loss, Moment
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import broadcast
from diorama.processes.catalog import AnyTimes
from diorama.processes.gaussian import noised
from diorama.processes.times import StepTimes
from diorama.synthesis.classifier import NoisyClassifierConfig

_QUARTERS = ("least_noise", "less_noise", "more_noise", "most_noise")


@dataclass(frozen=True, kw_only=True)
class NoisyClassifierMethodConfig(MethodConfig):
    """Training of a classifier of noisy pictures.

    Args:
        synthesizer: the classifier with its labels and its noise process.
        times: at which times of the process training looks.
    """

    draws: ClassVar[bool] = False

    synthesizer: NoisyClassifierConfig
    times: AnyTimes = field(default_factory=lambda: StepTimes(spread=True))

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> NoisyClassifierMethod:
        """The method with a freshly initialised network."""
        return NoisyClassifierMethod(self, frozen)


class NoisyClassifierMethod(Method):
    """See :class:`NoisyClassifierMethodConfig`."""

    def __init__(self, config: NoisyClassifierMethodConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.classifier = config.synthesizer.classifier.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``classifier``."""
        return {"classifier": list(self.classifier.parameters())}

    def phases(self) -> Sequence[Phase]:
        """One turn."""
        return [Phase("loss", "classifier", self.loss, recorded=True, sharded=True)]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures and their labels."""
        return ("image", "label")

    def averaged(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"classifier": self.classifier}

    def synthesizer(self) -> NoisyClassifierConfig:
        """The classifier."""
        return self.config.synthesizer

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean cross-entropy in nats at random times; and the share of right answers in each quarter of the batch, by
        how much noise it has."""
        model, clean, label = self.config.synthesizer, batch["image"], batch["label"]
        process, preconditioning = model.process, model.preconditioning
        t = self.config.times.draw(process, len(clean), clean.device)
        level = broadcast(process.at(t), clean.dim())
        x = noised(clean, torch.randn_like(clean), level)
        told = preconditioning.time(level).reshape(-1).float()
        logits = self.classifier(preconditioning.input(level) * x, told).float()
        return Loss(F.cross_entropy(logits, label), _accuracies(logits, label, t))


@torch.no_grad()
def _accuracies(logits: Tensor, label: Tensor, t: Tensor) -> dict[str, Tensor]:
    """Shares of right answers in the quarters of a batch by its noise; none of a batch of less than four."""
    if len(t) < len(_QUARTERS):
        return {}
    right = (logits.argmax(1) == label).float()[t.argsort()]
    quarters = right.tensor_split(len(_QUARTERS))
    return {f"accuracy.{name}": quarter.mean() for name, quarter in zip(_QUARTERS, quarters, strict=True)}
