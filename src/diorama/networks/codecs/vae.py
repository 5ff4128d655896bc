"""A convolutional variational autoencoder with one latent vector a picture.

The model is Kingma and Welling's; the networks are residual (He et al. 2016) with group normalisation and SiLU. The
decoder's scale is learned, one for each colour channel, so that reconstruction and divergence are weighed as the
likelihood demands and no hand-set weight is needed.

Reference: Kingma, Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv 1312.6114, section 3 and appendix C.
Rybkin, Daniilidis, Levine, "Simple and Effective VAE Training with Calibrated Decoders", ICML 2021, arXiv 2006.13202,
equation 4 (the shared scale).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diorama.networks.codecs.residual import ResidualConv, norm, widths_of
from diorama.nn.pyramid import pyramid

_SPEED = 10.0


@dataclass(frozen=True, kw_only=True)
class ConvEncoderConfig:
    """Pictures to the posterior of their latent vector.

    Args:
        size: (height, width) in pixels.
        channels: of the pictures.
        features: width at full resolution; it doubles with each halving, up to four times this.
        blocks: residual blocks at each resolution but the full one, where they cost most and say least.
        latent: length of the latent vector.
    """

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 64
    blocks: int = 1
    latent: int = 128

    def __post_init__(self) -> None:
        pyramid(self.size)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(latent,)"""
        return (self.latent,)

    def build(self) -> ConvEncoder:
        """A freshly initialised encoder."""
        return ConvEncoder(self)


@dataclass(frozen=True, kw_only=True)
class ConvDecoderConfig:
    """Latent vectors to the likelihood of pictures; the fields are those of :class:`ConvEncoderConfig`."""

    size: tuple[int, int] = (64, 64)
    channels: int = 3
    features: int = 64
    blocks: int = 1
    latent: int = 128

    def __post_init__(self) -> None:
        pyramid(self.size)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(latent,)"""
        return (self.latent,)

    def build(self) -> ConvDecoder:
        """A freshly initialised decoder."""
        return ConvDecoder(self)


class ConvEncoder(nn.Module):
    """See :class:`ConvEncoderConfig`."""

    def __init__(self, config: ConvEncoderConfig) -> None:
        super().__init__()
        self.config = config
        steps, (height, width) = pyramid(config.size)
        widths = widths_of(config.features, steps)
        layers: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 3, padding=1), nn.SiLU()]
        for finer, coarser in pairwise(widths):
            layers += [nn.Conv2d(finer, coarser, 4, 2, 1)]
            layers += [ResidualConv(coarser) for _ in range(config.blocks)]
        layers += [norm(widths[-1])]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1] * height * width, 2 * config.latent)

    def forward(self, x: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]:
        """Mean and log-variance of the latent vector of every picture in [-1, 1]."""
        mean, log_variance = self.head(self.body(x).flatten(1)).float().chunk(2, dim=1)
        # Beyond these bounds exp() says nothing that float32 can use, and a first bad step would not recover.
        return mean, log_variance.clamp(-20, 10)


class ConvDecoder(nn.Module):
    """See :class:`ConvDecoderConfig`."""

    def __init__(self, config: ConvDecoderConfig) -> None:
        super().__init__()
        self.config = config
        steps, self.coarsest = pyramid(config.size)
        widths = list(reversed(widths_of(config.features, steps)))
        self.stem = nn.Linear(config.latent, widths[0] * self.coarsest[0] * self.coarsest[1])
        layers: list[nn.Module] = []
        for coarser, finer in pairwise(widths):
            layers += [ResidualConv(coarser) for _ in range(config.blocks)]
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(coarser, finer, 3, padding=1)]
        layers += [norm(widths[-1]), nn.Conv2d(widths[-1], config.channels, 3, padding=1)]
        self.body = nn.Sequential(*layers)
        # Adam moves a lone parameter by one learning rate a step; the factor lets the scale keep up with the mean.
        self.slow_log_scale = nn.Parameter(torch.full((config.channels,), -1.0 / _SPEED))

    def forward(self, z: Float[Tensor, "b d"]) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "1 c 1 1"]]:
        """Mean picture (not clipped to [-1, 1]) and log-scale of the likelihood of every latent vector."""
        x = self.stem(z).unflatten(1, (-1, *self.coarsest))
        scale = (self.slow_log_scale.float() * _SPEED).clamp(min=-7)
        return self.body(x).float(), scale[None, :, None, None]
