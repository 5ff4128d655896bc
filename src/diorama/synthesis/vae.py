"""Variational autoencoders: drawing from the prior, reconstruction, and a bound on bits per dimension."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.errors import BadConfig
from diorama.core.rng import initial_noise
from diorama.networks.catalog import Decoder, Encoder, LatentPrior
from diorama.networks.codecs.spatial import (
    LatentScale,
    SpatialCodec,
    SpatialCodecConfig,
    SpatialDecoder,
    SpatialEncoder,
    SpatialEncoderConfig,
)
from diorama.nn.distributions import drawn_kl, kl_to_standard_normal, logistic_log_prob
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class VAESynthesizerConfig(SynthesizerConfig):
    """A trained variational autoencoder.

    Args:
        media: what it draws.
        conditions: empty, since it reads nothing but noise.
        encoder: pictures to posteriors of latents, which are a vector or a small picture.
        decoder: latents to likelihoods.
        prior: what latent vectors are drawn from; ``None`` for a standard normal distribution.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    encoder: Encoder
    decoder: Decoder
    prior: LatentPrior | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_latents(self.encoder, self.decoder, self.prior)

    def build(self) -> VAESynthesizer:
        """A synthesizer with freshly initialised networks."""
        return VAESynthesizer(self)


class VAESynthesizer(Synthesizer):
    """``decoder`` turns latents that are drawn from the prior into the mean of a picture's likelihood."""

    kind = "VAE"

    config: VAESynthesizerConfig

    def __init__(self, config: VAESynthesizerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = config.encoder.build()
        self.decoder = config.decoder.build()
        self.prior = None if config.prior is None else config.prior.build()
        spatial = isinstance(config.encoder, SpatialEncoderConfig)
        self.scale = LatentScale(config.encoder.latent) if spatial else None

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(latent,), or (latent, h, w)."""
        return self.config.decoder.latent_shape

    def codec(self) -> SpatialCodec:
        """The model as the codec of a latent model; the parts are shared.

        Raises:
            BadConfig: its latents are vectors.
        """
        encoder, decoder = self.encoder, self.decoder
        if self.scale is None or not (isinstance(encoder, SpatialEncoder) and isinstance(decoder, SpatialDecoder)):
            raise BadConfig(
                "a VAE with latent vectors is no codec; train one with spatial latents (recipe vae_spatial)"
            )
        config = SpatialCodecConfig(encoder=encoder.config, decoder=decoder.config)
        return SpatialCodec(config, encoder, decoder, self.scale)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the likelihood's mean. The condition is not read."""
        mean, _ = self.decoder(noise if self.prior is None else self.prior(noise))
        yield Stage(x=mean)

    @torch.no_grad()
    def reconstruct(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Decode the mean of each picture's posterior.

        Args:
            x: pictures in [-1, 1], on the model's device.

        Returns:
            Pictures in [-1, 1].
        """
        mean, _ = self.encoder(x)
        return self.decoder(mean)[0].clamp(-1, 1)

    @torch.no_grad()
    def bits_per_dim(
        self, x: Float[Tensor, "b c h w"], *, condition: Condition | None = None, seed: int = 0, first: int = 0
    ) -> Float[Tensor, " b"]:
        """An upper bound on bits per stored value: the negative evidence lower bound with one latent draw a picture.

        For floating-point data it bounds a density in [-1, 1], which may be negative.

        Args:
            x: pictures in [-1, 1], on the model's device.
            condition: not read: the model is given nothing.
            seed: with ``first``, names the latent draws.
            first: index of the first picture.

        Reference: Kingma, Welling 2013, arXiv 1312.6114, equation 3.
        """
        mean, log_variance = self.encoder(x)
        draw = initial_noise(self.noise_shape, seed=seed, first=first, count=len(x)).to(x.device)
        z = mean + torch.exp(0.5 * log_variance) * draw
        centre, log_scale = self.decoder(z)
        log_prob = logistic_log_prob(x, centre, log_scale, stored_levels(self.config.media))
        if self.prior is None:
            divergence = kl_to_standard_normal(mean, log_variance).flatten(1).sum(1)
        else:
            divergence = drawn_kl(z, mean, log_variance, self.prior.log_prob(z))
        nats = divergence - log_prob.flatten(1).sum(1)
        return nats / (math.log(2) * x[0].numel())


def stored_levels(media: MediaSpec) -> int | None:
    """How many levels stored integers have; ``None`` for floating-point data."""
    return round(media.high - media.low) + 1 if media.dtype.startswith("uint") else None


def check_latents(encoder: Encoder, decoder: Decoder, prior: LatentPrior | None) -> None:
    """See that the parts of a VAE have latents of one shape.

    Raises:
        ValueError: they have not; the message names each.
    """
    shape = encoder.latent_shape
    if shape != decoder.latent_shape:
        raise ValueError(f"encoder and decoder: latents of shape {shape} and {decoder.latent_shape}")
    check_prior(prior, shape)


def check_prior(prior: LatentPrior | None, shape: tuple[int, ...]) -> None:
    """See that a learned prior draws what an encoder tells.

    Raises:
        ValueError: it draws latents of another shape.
    """
    if prior is not None and prior.latent_shape != shape:
        raise ValueError(f"prior: draws latents of shape {prior.latent_shape}, encoder and decoder have {shape}")
