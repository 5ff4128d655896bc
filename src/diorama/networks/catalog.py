"""The closed unions of network configs, by role. A file that holds a config tags it with its class name."""

from __future__ import annotations

from diorama.networks.adversarial.biggan import BigGANDiscriminatorConfig, BigGANGeneratorConfig
from diorama.networks.adversarial.biggan_deep import BigGANDeepDiscriminatorConfig, BigGANDeepGeneratorConfig
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.networks.adversarial.fastgan import FastGANDiscriminatorConfig, FastGANGeneratorConfig
from diorama.networks.adversarial.freeform import FreeFormGeneratorConfig
from diorama.networks.adversarial.gan2014 import GAN2014DiscriminatorConfig, GAN2014GeneratorConfig
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PixelDiscriminatorConfig
from diorama.networks.adversarial.pix2pix import Pix2PixGeneratorConfig
from diorama.networks.adversarial.pix2pixhd import (
    GlobalGeneratorConfig,
    LocalEnhancerConfig,
    MultiScaleDiscriminatorConfig,
)
from diorama.networks.adversarial.progressive import ProgressiveDiscriminatorConfig, ProgressiveGeneratorConfig
from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig, R3GANGeneratorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srresnet import SRResNetConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig
from diorama.networks.adversarial.stylegan1 import StyleGAN1DiscriminatorConfig, StyleGAN1GeneratorConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.networks.codecs.flow_prior import FlowPriorConfig
from diorama.networks.codecs.spatial import SpatialCodecConfig, SpatialDecoderConfig, SpatialEncoderConfig
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import DhariwalUNetConfig, SongUNetConfig
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminatorConfig,
)
from diorama.networks.sequence.byte_text import ByteTextEncoderConfig

Generator = (
    BigGANGeneratorConfig
    | BigGANDeepGeneratorConfig
    | DCGANGeneratorConfig
    | FastGANGeneratorConfig
    | GAN2014GeneratorConfig
    | ProgressiveGeneratorConfig
    | R3GANGeneratorConfig
    | StyleGAN1GeneratorConfig
    | StyleGAN2GeneratorConfig
    | StyleGAN3GeneratorConfig
)
"""Latent vectors (b, latent) and conditions to pictures (b, c, h, w)."""

Discriminator = (
    BigGANDiscriminatorConfig
    | BigGANDeepDiscriminatorConfig
    | DCGANDiscriminatorConfig
    | FastGANDiscriminatorConfig
    | GAN2014DiscriminatorConfig
    | MultiScaleDiscriminatorConfig
    | PatchDiscriminatorConfig
    | PixelDiscriminatorConfig
    | ProgressiveDiscriminatorConfig
    | R3GANDiscriminatorConfig
    | StyleGAN1DiscriminatorConfig
    | StyleGAN2DiscriminatorConfig
)
"""Pictures (b, c, h, w) and conditions to logits."""

PictureNetwork = (
    CycleGANGeneratorConfig
    | GlobalGeneratorConfig
    | LocalEnhancerConfig
    | Pix2PixGeneratorConfig
    | RRDBNetConfig
    | SRResNetConfig
    | SRVGGNetConfig
)
"""Pictures (b, inputs, h, w) and conditions to pictures (b, outputs, h · scale, w · scale)."""

InpaintingNetwork = FreeFormGeneratorConfig
"""Pictures with holes and their masks (b, outputs + 1, h, w) to whole pictures (b, outputs, h, w)."""

VideoGenerator = MoCoGANGeneratorConfig
"""Content, category and motion codes to clips (b, c, t, h, w)."""

FrameDiscriminator = MoCoGANImageDiscriminatorConfig
"""Single frames (b, c, h, w) to logits."""

VideoDiscriminator = MoCoGANVideoDiscriminatorConfig
"""Clips (b, c, t, h, w) to logits."""

Encoder = ConvEncoderConfig | SpatialEncoderConfig
"""Pictures to the mean and log-variance of latents, a vector or a small picture."""

Decoder = ConvDecoderConfig | SpatialDecoderConfig
"""Latents to the mean and log-scale of every pixel."""

LatentPrior = FlowPriorConfig
"""Standard normal noise (b, latent) to latent vectors, and the density of these."""

Codec = SpatialCodecConfig
"""Between pictures and latents of unit variance: ``latent(media)``, ``encode`` and ``decode``."""

ConditionEncoder = ByteTextEncoderConfig
"""A condition as it is given to a condition that a network reads."""

Denoiser = (
    DDPMUNetConfig
    | NCSNppConfig
    | ADMUNetConfig
    | SongUNetConfig
    | DhariwalUNetConfig
    | EDM2UNetConfig
    | ScoreUNetConfig
)
"""Noisy pictures (b, c, h, w), their times (b,) and conditions to what is to be taken away."""

Classifier = ADMClassifierConfig
"""Noisy pictures (b, c, h, w) and their times (b,) to logits (b, classes)."""
