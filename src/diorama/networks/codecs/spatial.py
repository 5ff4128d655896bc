"""A variational autoencoder whose latents are small pictures, and the codec that is made of it.

Reference: R. Rombach, A. Blattmann, D. Lorenz, P. Esser, B. Ommer, "High-resolution image synthesis with latent
diffusion models", arXiv:2112.10752, section 3.1; the likelihood's learned scale is that of O. Rybkin, K. Daniilidis,
S. Levine, arXiv:2006.13202, equation 4, in place of losses of features and of a discriminator.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from diorama.core.contracts import MediaSpec
from diorama.networks.codecs.residual import ResidualConv, norm, widths_of

_SPEED = 10.0
_MOMENTUM = 0.01
_SMALLEST = 1e-4


@dataclass(frozen=True, kw_only=True)
class SpatialShape:
    """Pictures (b, channels, h, w) and their latents (b, latent, h / 2^halvings, w / 2^halvings).

    Args:
        size: (height, width) in pixels, multiples of ``2 ** halvings``.
        channels: of the pictures.
        features: width at full resolution; it doubles with each halving, up to four times this.
        blocks: residual blocks at each resolution but the full one.
        latent: channels of the latents.
        halvings: of the resolution.
    """

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 32
    blocks: int = 1
    latent: int = 4
    halvings: int = 2

    def __post_init__(self) -> None:
        height, width = self.size
        if height % (1 << self.halvings) or width % (1 << self.halvings):
            raise ValueError(f"size: {height} x {width} cannot be halved {self.halvings} times")

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(latent, h, w)"""
        return (self.latent, self.size[0] >> self.halvings, self.size[1] >> self.halvings)


@dataclass(frozen=True, kw_only=True)
class SpatialEncoderConfig(SpatialShape):
    """Pictures to the posterior of their latents."""

    def build(self) -> SpatialEncoder:
        """A freshly initialised encoder."""
        return SpatialEncoder(self)


@dataclass(frozen=True, kw_only=True)
class SpatialDecoderConfig(SpatialShape):
    """Latents to the likelihood of pictures."""

    def build(self) -> SpatialDecoder:
        """A freshly initialised decoder."""
        return SpatialDecoder(self)


class SpatialEncoder(nn.Module):
    """See :class:`SpatialEncoderConfig`."""

    def __init__(self, config: SpatialEncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = widths_of(config.features, config.halvings)
        layers: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 3, padding=1), nn.SiLU()]
        for finer, coarser in pairwise(widths):
            layers += [nn.Conv2d(finer, coarser, 4, 2, 1)]
            layers += [ResidualConv(coarser) for _ in range(config.blocks)]
        layers += [norm(widths[-1]), nn.Conv2d(widths[-1], 2 * config.latent, 3, padding=1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, both (b, latent, h', w'), of the latents of pictures (b, c, h, w) in [-1, 1]."""
        mean, log_variance = self.body(x).float().chunk(2, dim=1)
        # Beyond these bounds exp() says nothing that float32 can use, and a first bad step would not recover.
        return mean, log_variance.clamp(-20, 10)


class SpatialDecoder(nn.Module):
    """See :class:`SpatialDecoderConfig`."""

    def __init__(self, config: SpatialDecoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = list(reversed(widths_of(config.features, config.halvings)))
        layers: list[nn.Module] = [nn.Conv2d(config.latent, widths[0], 3, padding=1)]
        for coarser, finer in pairwise(widths):
            layers += [ResidualConv(coarser) for _ in range(config.blocks)]
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(coarser, finer, 3, padding=1)]
        layers += [norm(widths[-1]), nn.Conv2d(widths[-1], config.channels, 3, padding=1)]
        self.body = nn.Sequential(*layers)
        # Adam moves a lone parameter by one learning rate a step; the factor lets the scale keep up with the mean.
        self.slow_log_scale = nn.Parameter(torch.full((config.channels,), -1.0 / _SPEED))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Mean picture (b, c, h, w), not clipped, and log-scale (1, c, 1, 1) of the likelihood of latents."""
        scale = (self.slow_log_scale.float() * _SPEED).clamp(min=-7)
        return self.body(z).float(), scale[None, :, None, None]


class LatentScale(nn.Module):
    """Running mean and standard deviation of every latent channel, so that latents can be brought to unit variance.

    Reference: Rombach et al. 2022, appendix G (rescaling by the standard deviation, here of each channel).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.mean: Tensor
        self.deviation: Tensor

    @torch.no_grad()
    def follow(self, latents: Tensor) -> None:
        """Move towards the mean and deviation of a batch of latents (b, c, h, w)."""
        values = latents.detach().float().transpose(0, 1).flatten(1)  # (c, b h w)
        self.mean.lerp_(values.mean(1), _MOMENTUM)
        self.deviation.lerp_(values.std(1, correction=0), _MOMENTUM)

    def normalize(self, latents: Tensor) -> Tensor:
        """Latents (b, c, h, w) of mean 0 and variance 1."""
        return (latents - self.mean[:, None, None]) / self.deviation.clamp(min=_SMALLEST)[:, None, None]

    def restore(self, latents: Tensor) -> Tensor:
        """The inverse of :meth:`normalize`."""
        return latents * self.deviation.clamp(min=_SMALLEST)[:, None, None] + self.mean[:, None, None]


@dataclass(frozen=True, kw_only=True)
class SpatialCodecConfig:
    """Encoder, decoder and scale as one part of a latent model.

    Args:
        encoder: pictures to latents.
        decoder: latents to pictures.
    """

    encoder: SpatialEncoderConfig
    decoder: SpatialDecoderConfig

    def latent(self, media: MediaSpec) -> MediaSpec:
        """What the latents of a picture are.

        Raises:
            ValueError: the codec is made for other pictures.
        """
        made_for = (self.encoder.channels, *self.encoder.size)
        if (media.channels, media.height, media.width) != made_for:
            raise ValueError(
                f"codec: is made for {made_for[0]} channels of {made_for[1]} x {made_for[2]} pixels, the media have "
                f"{media.channels} of {media.height} x {media.width}"
            )
        channels, height, width = self.encoder.latent_shape
        return MediaSpec(
            kind=media.kind, channels=channels, height=height, width=width, dtype="float32", low=-1.0, high=1.0
        )

    def build(self) -> SpatialCodec:
        """A codec with freshly initialised networks."""
        encoder, decoder = self.encoder.build(), self.decoder.build()
        return SpatialCodec(self, encoder, decoder, LatentScale(self.encoder.latent))


class SpatialCodec(nn.Module):
    """Between pictures in [-1, 1] and latents of unit variance.

    Args:
        config: of its parts.
        encoder: to posteriors, of which the mean is taken.
        decoder: of latents.
        scale: of latents.
    """

    def __init__(
        self, config: SpatialCodecConfig, encoder: SpatialEncoder, decoder: SpatialDecoder, scale: LatentScale
    ) -> None:
        super().__init__()
        self.config, self.encoder, self.decoder, self.scale = config, encoder, decoder, scale

    def encode(self, x: Tensor) -> Tensor:
        """Latents (b, latent, h', w'), float32, of pictures (b, c, h, w)."""
        return self.scale.normalize(self.encoder(x)[0])

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (b, c, h, w), float32 and not clipped, of latents (b, latent, h', w')."""
        return self.decoder(self.scale.restore(z))[0]
