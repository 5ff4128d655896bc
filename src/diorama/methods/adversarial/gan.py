"""Two players: a generator and a discriminator of pictures.

Reference: Goodfellow et al., "Generative Adversarial Networks", NeurIPS 2014, arXiv 1406.2661.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.losses.adversarial import ADVERSARIAL, non_saturating_discriminator
from diorama.methods.adversarial.r1 import check_r1, r1_loss, r1_phase
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.catalog import Discriminator, Generator
from diorama.synthesis.gan import GANSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class GANConfig(MethodConfig):
    """Adversarial training on pictures.

    Args:
        media: what is drawn.
        generator: player ``generator``.
        discriminator: player ``discriminator``.
        loss: a name of :data:`diorama.losses.adversarial.ADVERSARIAL`.
        smoothing: one-sided label smoothing of the non-saturating loss.
        r1: weight gamma of the R1 penalty; 0 for none.
        r1_interval: the penalty is taken in every so many steps, and weighs as much more.
    """

    media: MediaSpec
    generator: Generator
    discriminator: Discriminator
    loss: Literal["non_saturating", "hinge", "least_squares", "wasserstein"] = "non_saturating"
    smoothing: float = 0.0
    r1: float = 0.0
    r1_interval: int = 16

    def __post_init__(self) -> None:
        if self.smoothing and self.loss != "non_saturating":
            raise ValueError(f"smoothing belongs to the non_saturating loss, not to {self.loss}")
        check_r1(self.r1, self.r1_interval)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> GAN:
        """The method with freshly initialised networks."""
        return GAN(self, frozen)


class GAN(Method):
    """See :class:`GANConfig`."""

    def __init__(self, config: GANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.generator = config.generator.build()
        self.discriminator = config.discriminator.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``discriminator`` and ``generator``."""
        return {
            "discriminator": list(self.discriminator.parameters()),
            "generator": list(self.generator.parameters()),
        }

    def phases(self) -> Sequence[Phase]:
        """The discriminator, its penalty where there is one, the generator."""
        turns = [Phase("discriminator", "discriminator", self.discriminator_loss, recorded=True)]
        if self.config.r1:
            turns.append(r1_phase("discriminator", self.r1_penalty, self.config.r1_interval))
        return [*turns, Phase("generator", "generator", self.generator_loss, recorded=True)]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures."""
        return ("image",)

    def averaged(self) -> Mapping[str, nn.Module]:
        """The generator."""
        return {"generator": self.generator}

    def synthesizer(self) -> GANSynthesizerConfig:
        """A generator alone."""
        return GANSynthesizerConfig(media=self.config.media, generator=self.config.generator)

    def draw(self, like: Tensor) -> Tensor:
        """As many generated pictures as ``like`` has, on its device."""
        return self.generator(torch.randn(len(like), self.generator.config.latent, device=like.device))

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell real from generated pictures; logs the share of each that is judged rightly."""
        with torch.no_grad():
            drawn = self.draw(batch["image"])
        real, fake = self.discriminator(batch["image"]), self.discriminator(drawn)
        if self.config.smoothing:
            value = non_saturating_discriminator(real, fake, self.config.smoothing)
        else:
            value = ADVERSARIAL[self.config.loss].discriminator(real, fake)
        return Loss(value, {"real_right": (real > 0).float().mean(), "fake_right": (fake < 0).float().mean()})

    def r1_penalty(self, batch: Batch, moment: Moment) -> Loss:
        """Half the weighted R1 penalty at real pictures."""
        return r1_loss(self.discriminator, batch["image"], self.config.r1)

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real to the discriminator."""
        fake = self.discriminator(self.draw(batch["image"]))
        return Loss(ADVERSARIAL[self.config.loss].generator(fake))
