"""The closed unions of network configs, by role. A file that holds a config tags it with its class name."""

from __future__ import annotations

from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig
from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminatorConfig,
)

Generator = DCGANGeneratorConfig
"""Latent vectors (b, latent) to pictures (b, c, h, w)."""

Discriminator = DCGANDiscriminatorConfig
"""Pictures (b, c, h, w) to logits."""

VideoGenerator = MoCoGANGeneratorConfig
"""Content, category and motion codes to clips (b, c, t, h, w)."""

FrameDiscriminator = MoCoGANImageDiscriminatorConfig
"""Single frames (b, c, h, w) to logits."""

VideoDiscriminator = MoCoGANVideoDiscriminatorConfig
"""Clips (b, c, t, h, w) to logits."""

Encoder = ConvEncoderConfig
"""Pictures to the mean and log-variance of a latent vector."""

Decoder = ConvDecoderConfig
"""Latent vectors to the mean and log-scale of every pixel."""

Denoiser = DDPMUNetConfig | NCSNppConfig
"""Noisy pictures (b, c, h, w), their times (b,) and labels to what is to be taken away."""
