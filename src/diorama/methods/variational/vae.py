"""One player: encoder and decoder under the evidence lower bound.

Reference: Kingma, Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv 1312.6114, equation 7.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from diorama.core import distributed
from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.losses.divergence import gaussian_kl
from diorama.losses.reconstruction import logistic
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.catalog import Decoder, Encoder
from diorama.networks.codecs.spatial import LatentScale, SpatialEncoderConfig
from diorama.synthesis.vae import VAESynthesizerConfig, stored_levels


@dataclass(frozen=True, kw_only=True)
class VAEConfig(MethodConfig):
    """Variational training on pictures.

    Args:
        media: what is drawn.
        encoder: pictures to posteriors.
        decoder: latent vectors to likelihoods.
        beta: weight of the divergence; 1 trains the bound itself.
        warmup: images over which the weight rises linearly from zero; 0 for none.
        free_bits: bits that each latent dimension may hold without cost.
    """

    media: MediaSpec
    encoder: Encoder
    decoder: Decoder
    beta: float = 1.0
    warmup: int = 0
    free_bits: float = 0.0

    def __post_init__(self) -> None:
        if self.encoder.latent_shape != self.decoder.latent_shape:
            raise ValueError(
                f"encoder makes latents of shape {self.encoder.latent_shape}, decoder reads {self.decoder.latent_shape}"
            )

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> VAE:
        """The method with freshly initialised networks."""
        return VAE(self, frozen)


class VAE(Method):
    """See :class:`VAEConfig`."""

    def __init__(self, config: VAEConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.encoder = config.encoder.build()
        self.decoder = config.decoder.build()
        # Only spatial latents are drawn by other models, which want them in unit variance.
        spatial = isinstance(config.encoder, SpatialEncoderConfig)
        self.scale = LatentScale(config.encoder.latent) if spatial else None

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``autoencoder``: both networks."""
        return {"autoencoder": [*self.encoder.parameters(), *self.decoder.parameters()]}

    def phases(self) -> Sequence[Phase]:
        """One turn; while its weight grows, it is another function in every step."""
        return [Phase("elbo", "autoencoder", self.elbo, recorded=not self.config.warmup)]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures."""
        return ("image",)

    def averaged(self) -> Mapping[str, nn.Module]:
        """Encoder and decoder, and the scale of spatial latents."""
        scale = {} if self.scale is None else {"scale": self.scale}
        return {"encoder": self.encoder, "decoder": self.decoder, **scale}

    def synthesizer(self) -> VAESynthesizerConfig:
        """Both networks."""
        return VAESynthesizerConfig(
            media=self.config.media,
            encoder=self.config.encoder,
            decoder=self.config.decoder,
        )

    def elbo(self, batch: Batch, moment: Moment) -> Loss:
        """The negative bound in bits per dimension, its divergence weighted; logs both parts and the true bound."""
        x = batch["image"]
        mean, log_variance = self.encoder(x)
        if self.scale is not None:
            self.scale.follow(mean)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        centre, log_scale = self.decoder(z)
        # Float32 for the likelihood: under bfloat16 neighbouring grey levels would fall together.
        nats = logistic(x.float(), centre, log_scale, stored_levels(self.config.media)).mean()
        cost = gaussian_kl(mean, log_variance, self.config.free_bits * math.log(2)).mean()
        kl = gaussian_kl(mean, log_variance).mean()
        per_dim = 1 / (math.log(2) * x[0].numel())
        scalars = {
            "bits_per_dim": (nats + kl) * per_dim,
            "reconstruction": nats * per_dim,
            "divergence": kl * per_dim,
            "scale": log_scale.exp().mean(),
        }
        return Loss((nats + self._weight(moment) * cost) * per_dim, {k: v.detach() for k, v in scalars.items()})

    def after_step(self, moment: Moment) -> None:
        """Every process has seen latents of its own; all keep their mean."""
        for buffer in () if self.scale is None else self.scale.buffers():
            buffer.copy_(distributed.mean(buffer))

    def _weight(self, moment: Moment) -> float:
        if not self.config.warmup:
            return self.config.beta
        return self.config.beta * min(1.0, moment.images / self.config.warmup)
