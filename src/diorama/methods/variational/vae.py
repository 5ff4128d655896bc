"""One player: encoder and decoder under the evidence lower bound.

A picture may also have to look right: the feature maps of ``lite``, the network that comes with the package, are then
observed beside the pixels, under a likelihood of their own.

Reference: Kingma, Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv 1312.6114, equation 7. X. Hou, L. Shen,
K. Sun, G. Qiu, "Deep Feature Consistent Variational Autoencoder", WACV 2017, arXiv 1610.00291 (feature maps). X. Chen
et al., "Variational Lossy Autoencoder", ICLR 2017, arXiv 1611.02731, equation 2 (learned prior).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import nn

from diorama.core import distributed
from diorama.core.config import LATER
from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.losses.divergence import gaussian_kl
from diorama.losses.perceptual import calibrated_maps
from diorama.losses.reconstruction import logistic
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.networks.catalog import Decoder, Encoder, LatentPrior
from diorama.networks.codecs.spatial import LatentScale, SpatialEncoderConfig
from diorama.networks.features import lite
from diorama.nn.distributions import drawn_kl
from diorama.synthesis.vae import VAESynthesizerConfig, check_latents, stored_levels

_FEATURES = "features"


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
        prior: of the latent vectors, trained along; ``None`` for a standard normal distribution.
        perceptual: weight of the likelihood of feature maps; at 1 the maps of each depth weigh as much as the pixels
            do. 0 trains on pixels alone.
    """

    media: MediaSpec
    encoder: Encoder
    decoder: Decoder
    beta: float = 1.0
    warmup: int = 0
    free_bits: float = 0.0
    perceptual: float = field(default=0.0, metadata={LATER: True})
    prior: LatentPrior | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.prior is not None and self.free_bits:
            raise ValueError("free_bits: no dimension of a learned prior has a divergence of its own; leave them at 0")
        check_latents(self.encoder, self.decoder, self.prior)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> VAE:
        """The method with freshly initialised networks."""
        return VAE(self, frozen)


class VAE(Method):
    """See :class:`VAEConfig`."""

    def __init__(self, config: VAEConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        # Not a part of the recipe: it comes with the package, and no model is saved with it.
        super().__init__({**frozen, _FEATURES: lite.pretrained()} if config.perceptual else frozen)
        self.config = config
        self.encoder = config.encoder.build()
        self.decoder = config.decoder.build()
        self.prior = None if config.prior is None else config.prior.build()
        # Only spatial latents are drawn by other models, which want them in unit variance.
        spatial = isinstance(config.encoder, SpatialEncoderConfig)
        self.scale = LatentScale(config.encoder.latent) if spatial else None

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``autoencoder``: both networks, and a learned prior."""
        prior = [] if self.prior is None else self.prior.parameters()
        return {"autoencoder": [*self.encoder.parameters(), *self.decoder.parameters(), *prior]}

    def phases(self) -> Sequence[Phase]:
        """One turn; while its weight grows, it is another function in every step."""
        # A learned prior is asked for densities, not called.
        sharded = self.prior is None
        return [Phase("elbo", "autoencoder", self.elbo, recorded=not self.config.warmup, sharded=sharded)]

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures."""
        return ("image",)

    def averaged(self) -> Mapping[str, nn.Module]:
        """Encoder and decoder, the scale of spatial latents and a learned prior."""
        more = {"scale": self.scale, "prior": self.prior}
        there = {name: module for name, module in more.items() if module is not None}
        return {"encoder": self.encoder, "decoder": self.decoder, **there}

    def synthesizer(self) -> VAESynthesizerConfig:
        """Both networks, and the prior that they were trained with."""
        return VAESynthesizerConfig(
            media=self.config.media,
            encoder=self.config.encoder,
            decoder=self.config.decoder,
            prior=self.config.prior,
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
        if self.prior is None:
            cost = gaussian_kl(mean, log_variance, self.config.free_bits * math.log(2)).mean()
            kl = gaussian_kl(mean, log_variance).mean()
        else:
            cost = kl = drawn_kl(z, mean, log_variance, self.prior.log_prob(z)).mean()
        per_dim = 1 / (math.log(2) * x[0].numel())
        scalars = {
            "bits_per_dim": (nats + kl) * per_dim,
            "reconstruction": nats * per_dim,
            "divergence": kl * per_dim,
            "scale": log_scale.exp().mean(),
        }
        loss = (nats + self._weight(moment) * cost) * per_dim
        if self.config.perceptual:
            network = cast(lite.LiteFeatures, self.frozen[_FEATURES])
            scalars["features"] = calibrated_maps(network, centre, x) / math.log(2)
            loss = loss + self.config.perceptual * scalars["features"]
        return Loss(loss, {k: v.detach() for k, v in scalars.items()})

    def after_step(self, moment: Moment) -> None:
        """Every process has seen latents of its own; all keep their mean."""
        distributed.average([] if self.scale is None else list(self.scale.buffers()))

    def _weight(self, moment: Moment) -> float:
        if not self.config.warmup:
            return self.config.beta
        return self.config.beta * min(1.0, moment.images / self.config.warmup)
