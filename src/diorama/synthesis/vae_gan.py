"""Generators that have an encoder beside them: drawing from the prior, and reconstruction. There is no bound on bits,
since pictures were compared in a discriminator and not by their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.networks.catalog import Encoder, Generator, LatentPrior
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.vae import check_prior


@dataclass(frozen=True, kw_only=True)
class VAEGANSynthesizerConfig(SynthesizerConfig):
    """A trained generator with its encoder.

    Args:
        media: what it draws.
        conditions: empty, since it reads nothing but noise.
        encoder: pictures to posteriors of latent vectors.
        generator: latent vectors to pictures.
        prior: what latent vectors are drawn from; ``None`` for a standard normal distribution.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    encoder: Encoder
    generator: Generator
    prior: LatentPrior | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_code(self.encoder, self.generator, self.prior)

    def build(self) -> VAEGANSynthesizer:
        """A synthesizer with freshly initialised networks."""
        return VAEGANSynthesizer(self)


def check_code(encoder: Encoder, generator: Generator, prior: LatentPrior | None) -> None:
    """See that a generator draws what an encoder tells, and is told nothing else, and that a prior draws the same.

    Raises:
        ValueError: it does not; the message names the part.
    """
    if encoder.latent_shape != (generator.latent,):
        raise ValueError(
            f"encoder and generator: latents of shape {encoder.latent_shape} and ({generator.latent},); they must be "
            "vectors of one length"
        )
    check_prior(prior, encoder.latent_shape)
    if generator.reads:
        raise ValueError(f"generator: reads {list(generator.reads)}, which an encoder does not tell")


class VAEGANSynthesizer(Synthesizer):
    """``generator`` turns a latent vector of the prior into a picture, ``encoder`` a picture into one."""

    kind = "VAE-GAN"

    config: VAEGANSynthesizerConfig

    def __init__(self, config: VAEGANSynthesizerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = config.encoder.build()
        self.generator = config.generator.build()
        self.prior = None if config.prior is None else config.prior.build()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(latent,)"""
        return self.config.encoder.latent_shape

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the pictures. The condition is not read."""
        yield Stage(x=self.generator(noise if self.prior is None else self.prior(noise)))

    @torch.no_grad()
    def reconstruct(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Draw the mean of each picture's posterior.

        Args:
            x: pictures in [-1, 1], on the model's device.

        Returns:
            Pictures in [-1, 1].
        """
        mean, _ = self.encoder(x)
        drawn: Tensor = self.generator(mean)
        return drawn.clamp(-1, 1)
