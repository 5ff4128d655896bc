"""FastGAN's game: the discriminator also redraws the real pictures that it sees, so that its maps stay rich.

Reference: Liu, Zhu, Song, Elgammal 2021, arXiv 2101.04775, sections 3.2 and 3.3, and the authors' code, which draws the
margins of the hinge loss anew for every logit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from diorama.core.config import WORDS
from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.losses.perceptual import calibrated_maps
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.gan import AUGMENTATIONS, GAN, GANConfig
from diorama.methods.base import NO_PARTS, MethodConfig
from diorama.networks.adversarial.fastgan import (
    FastGANDiscriminator,
    FastGANDiscriminatorConfig,
    FastGANGenerator,
    FastGANGeneratorConfig,
    Rebuilt,
)
from diorama.networks.features import lite

_FEATURES = "features"


@dataclass(frozen=True, kw_only=True)
class FastGANConfig(MethodConfig):
    """Training on few pictures.

    Args:
        media: what is drawn.
        generator: player ``generator``.
        discriminator: player ``discriminator``.
        rebuilding: weight of the mean absolute difference between real pictures and what the discriminator makes of
            its maps of them.
        perceptual: weight of the likelihood of feature maps of ``lite``, the network that comes with the package, in
            that comparison. The paper's distance is LPIPS on the maps of VGG, which the package does not hold.
        augment: how pictures are altered before the discriminator sees, and redraws, them; as of
            :class:`~diorama.methods.adversarial.gan.GANConfig`. Both sizes of a generated picture are altered apart.
    """

    media: MediaSpec
    generator: FastGANGeneratorConfig
    discriminator: FastGANDiscriminatorConfig
    rebuilding: float = 1.0
    perceptual: float = 0.1
    augment: AdaptiveAugmentationConfig | DiffAugmentConfig | None = field(
        default=None, metadata={WORDS: AUGMENTATIONS}
    )

    def __post_init__(self) -> None:
        for name in ("rebuilding", "perceptual"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> FastGAN:
        """The method with freshly initialised networks."""
        return FastGAN(self, frozen)

    @property
    def game(self) -> GANConfig:
        """The game of the two players, without what is redrawn."""
        return GANConfig(
            media=self.media,
            generator=self.generator,
            discriminator=self.discriminator,
            loss="soft_hinge",
            augment=self.augment,
        )


class FastGAN(GAN):
    """See :class:`FastGANConfig`."""

    def __init__(self, config: FastGANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        # Not a part of the recipe: it comes with the package, and no model is saved with it.
        super().__init__(config.game, {**frozen, _FEATURES: lite.pretrained()} if config.perceptual else frozen)
        self.rebuilding, self.perceptual = config.rebuilding, config.perceptual

    def draw_both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """As many generated pictures as a batch has, and the same ones small."""
        real = batch["image"]
        z = torch.randn(len(real), self.config.generator.latent, device=real.device)
        return cast(FastGANGenerator, self.generator).draw(z)

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell real from generated pictures, and redraw the real ones; logs how far these are."""
        network, real_pictures = cast(FastGANDiscriminator, self.discriminator), self.seen(batch["image"])
        with torch.no_grad():
            drawn, small = self.draw_both(batch)
        quarter = torch.randint(4, (len(real_pictures),), device=real_pictures.device)
        rebuilt = network.rebuild(real_pictures, quarter)
        real, fake = rebuilt.judgement.logits, self.judge_both(drawn, small)
        scalars = self.told(real, fake, drawn, batch)
        value = self._loss.discriminator(real, fake)
        scalars["rebuilding"] = differences(rebuilt)
        value = value + self.rebuilding * scalars["rebuilding"]
        if self.perceptual:
            scalars["features"] = self._features_cost(rebuilt)
            value = value + self.perceptual * scalars["features"]
        found = {name: scalar.detach() for name, scalar in scalars.items()}
        return Loss(value, {**found, **self.observe(real)})

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real in both sizes."""
        return Loss(self._loss.generator(self.judge_both(*self.draw_both(batch))))

    def judge_both(self, drawn: Tensor, small: Tensor) -> Tensor:
        """Logits of generated pictures, which come in two sizes."""
        network = cast(FastGANDiscriminator, self.discriminator)
        return network.judge(self.seen(drawn), small=self.seen(small)).logits

    def _features_cost(self, rebuilt: Rebuilt) -> Tensor:
        """Nats for each value of the feature maps, summed over depths and over what is redrawn, up to a constant."""
        network = cast(lite.LiteFeatures, self.frozen[_FEATURES])
        pairs = zip(rebuilt.drawn, rebuilt.wanted, strict=True)
        return torch.stack([calibrated_maps(network, drawn, wanted) for drawn, wanted in pairs]).sum()


def differences(rebuilt: Rebuilt) -> Tensor:
    """Mean absolute differences, summed over what is redrawn."""
    pairs = zip(rebuilt.drawn, rebuilt.wanted, strict=True)
    return torch.stack([(a.float() - b.float()).abs().mean() for a, b in pairs]).sum()
