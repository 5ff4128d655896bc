"""Three players: an encoder, a generator and a discriminator, in one of whose layers pictures are compared.

Reference: Larsen, Sønderby, Larochelle, Winther, "Autoencoding beyond pixels using a learned similarity metric", ICML
2016, arXiv 1512.09300, algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from diorama.core.config import LATER, WORDS
from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.losses.adversarial import AdversarialName
from diorama.losses.divergence import gaussian_kl
from diorama.losses.perceptual import calibrated_maps
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.gan import AUGMENTATIONS, GAN, GANConfig
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.networks.adversarial.base import Judgement
from diorama.networks.catalog import Discriminator, Encoder, Generator, LatentPrior
from diorama.networks.features import lite
from diorama.nn.distributions import drawn_kl
from diorama.synthesis.vae_gan import VAEGANSynthesizerConfig, check_code

_FEATURES = "features"


@dataclass(frozen=True, kw_only=True)
class VAEGANConfig(MethodConfig):
    """Adversarial training of an autoencoder.

    Args:
        media: what is drawn.
        encoder: player ``encoder``, pictures to posteriors of latent vectors.
        generator: player ``generator``, the decoder.
        discriminator: player ``discriminator``, which tells features.
        loss: a name of :data:`diorama.losses.adversarial.ADVERSARIAL`.
        layer: of the discriminator's features, from 0, in which pictures are compared; negative from the last.
        gamma: weight of that comparison in the generator's turn, in nats for each value of the features, beside a game
            that weighs 1.
        beta: weight of the divergence from the prior in the encoder's turn.
        r1: weight gamma of the R1 penalty; 0, as in the paper, for none.
        augment: how pictures are altered before the discriminator says whether they are real; ``None``, as in the
            paper, leaves them as they are. Features are compared of pictures as they are.
        perceptual: weight of the likelihood of feature maps of ``lite``, the network that comes with the package,
            beside the comparison in the discriminator; 0, as in the paper, leaves it out.
        prior: of the latent vectors, trained along in the encoder's turn; ``None``, as in the paper, for a standard
            normal distribution.
    """

    media: MediaSpec
    encoder: Encoder
    generator: Generator
    discriminator: Discriminator
    loss: AdversarialName = "non_saturating"
    layer: int = 2
    gamma: float = 1.0
    beta: float = 1.0
    r1: float = 0.0
    augment: AdaptiveAugmentationConfig | DiffAugmentConfig | None = field(
        default=None, metadata={LATER: True, WORDS: AUGMENTATIONS}
    )
    perceptual: float = field(default=0.0, metadata={LATER: True})
    prior: LatentPrior | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_code(self.encoder, self.generator, self.prior)
        for name in ("gamma", "beta", "perceptual"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if not self.discriminator.tells_features:
            raise ValueError(f"discriminator: a {type(self.discriminator).__name__} tells no features to compare in")
        # What else a game must be is checked where it is made.
        _ = self.game

    @property
    def game(self) -> GANConfig:
        """The game of generator and discriminator."""
        return GANConfig(
            media=self.media,
            generator=self.generator,
            discriminator=self.discriminator,
            loss=self.loss,
            r1=self.r1,
            augment=self.augment,
        )

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> VAEGAN:
        """The method with freshly initialised networks."""
        return VAEGAN(self, frozen)


class VAEGAN(GAN):
    """See :class:`VAEGANConfig`."""

    def __init__(self, config: VAEGANConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        # Not a part of the recipe: it comes with the package, and no model is saved with it.
        super().__init__(config.game, {**frozen, _FEATURES: lite.pretrained()} if config.perceptual else frozen)
        self.autoencoder = config
        self.encoder = config.encoder.build()
        self.prior = None if config.prior is None else config.prior.build()

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``discriminator``, ``generator`` and ``encoder``, which has a learned prior beside it."""
        prior = [] if self.prior is None else self.prior.parameters()
        return {**super().players(), "encoder": [*self.encoder.parameters(), *prior]}

    def phases(self) -> Sequence[Phase]:
        """The discriminator, its penalty where there is one, the encoder, the generator."""
        *before, generator = super().phases()
        return [*before, Phase("encoder", "encoder", self.encoder_loss, recorded=True), generator]

    def averaged(self) -> Mapping[str, nn.Module]:
        """Encoder, generator and a learned prior."""
        prior = {} if self.prior is None else {"prior": self.prior}
        return {"encoder": self.encoder, **super().averaged(), **prior}

    def synthesizer(self) -> VAEGANSynthesizerConfig:  # type: ignore[override]
        """Encoder and generator, and the prior that they were trained with."""
        config = self.autoencoder
        return VAEGANSynthesizerConfig(
            media=config.media, encoder=config.encoder, generator=config.generator, prior=config.prior
        )

    def latents(self, batch: Batch) -> Tensor:
        """As many latent vectors of the prior as a batch has records; the prior does not learn from what is drawn."""
        noise = super().latents(batch)
        if self.prior is None:
            return noise
        with torch.no_grad():
            latents: Tensor = self.prior(noise)
        return latents

    def both(self, code: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The pictures of a batch, drawn again from codes of theirs, and as many of the prior.

        They go through the generator together. Apart, its batch norm would learn from each kind's own statistics and be
        drawn with the mean of both.
        """
        again, drawn = self.generator(torch.cat([code, self.latents(batch)]), {}).chunk(2)
        return again, drawn

    def coded(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """A code (b, latent) of each picture, with the mean and the log variance of the posterior that it is of."""
        mean, log_variance = self.encoder(batch["image"])
        return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean), mean, log_variance

    def divergence(self, code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Of each posterior from the prior, (b,) in nats; from a learned one as one code of it tells."""
        if self.prior is None:
            return gaussian_kl(mean, log_variance)
        return drawn_kl(code, mean, log_variance, self.prior.log_prob(code))

    def discriminator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Tell real pictures from those of the prior and from those that were drawn again.

        Of the generated ones either kind weighs half as much as the real ones, as in the authors' code; in
        algorithm 1 all three weigh alike.
        """
        with torch.no_grad():
            code, *_ = self.coded(batch)
            rebuilt, drawn = self.both(code, batch)
        real, fake, again = (self.logits(pictures, {}) for pictures in (batch["image"], drawn, rebuilt))
        every = torch.cat([fake, again])
        told = {**self.told(real, every, drawn, batch), **self.observe(real)}
        return Loss(self._loss.discriminator(real, every), told)

    def encoder_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Codes near the prior from which pictures are drawn again alike; in nats for each value of the features."""
        code, mean, log_variance = self.coded(batch)
        rebuilt, _ = self.both(code, batch)
        divergence = self.divergence(code, mean, log_variance).mean()
        unlike, values = self._unlike(batch["image"], self._judged(rebuilt))
        cost = divergence / values
        scalars = {"unlike": unlike.detach(), "divergence": divergence.detach()}
        return Loss(unlike + self.autoencoder.beta * cost + self._perceived(rebuilt, batch, scalars), scalars)

    def generator_loss(self, batch: Batch, moment: Moment) -> Loss:
        """Look real to the discriminator, drawn from the prior and drawn again, and in the second case alike."""
        with torch.no_grad():
            code, *_ = self.coded(batch)
        rebuilt, drawn = self.both(code, batch)
        again = self._judged(rebuilt)
        unlike, _ = self._unlike(batch["image"], again)
        altered = again.logits if self.augment is None else self.logits(rebuilt, {})
        game = self._loss.generator(torch.cat([altered, self.logits(drawn, {})]))
        scalars = {"unlike": unlike.detach(), "game": game.detach()}
        return Loss(game + self.autoencoder.gamma * unlike + self._perceived(rebuilt, batch, scalars), scalars)

    def _perceived(self, rebuilt: Tensor, batch: Batch, scalars: dict[str, Tensor]) -> Tensor | float:
        """The weighed likelihood of feature maps, which is logged in nats for each value of a map."""
        if not self.autoencoder.perceptual:
            return 0.0
        apart = calibrated_maps(cast(lite.LiteFeatures, self.frozen[_FEATURES]), rebuilt, batch["image"])
        scalars["features"] = apart.detach()
        return self.autoencoder.perceptual * apart

    def _judged(self, picture: Tensor) -> Judgement:
        judgement: Judgement = self.discriminator.judge(picture, {})  # type: ignore[operator]
        return judgement

    def _unlike(self, real: Tensor, again: Judgement) -> tuple[Tensor, int]:
        """Nats for each value of the features, under a normal distribution of unit variance, and how many values.

        Reference: Larsen et al. 2016, equation 7.
        """
        with torch.no_grad():
            wanted = self._judged(real).features[self.autoencoder.layer]
        found = again.features[self.autoencoder.layer]
        return 0.5 * (found.float() - wanted.float()).square().mean(), found[0].numel()
