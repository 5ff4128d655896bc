"""Which golden case holds each catalogued network to the official one, or why none does."""

from __future__ import annotations

from collections.abc import Mapping

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

HELD_BY: Mapping[type, str] = {
    BigGANGeneratorConfig: "gan_biggan_g",
    BigGANDiscriminatorConfig: "gan_biggan_d",
    BigGANDeepGeneratorConfig: "gan_biggandeep_g",
    BigGANDeepDiscriminatorConfig: "gan_biggandeep_d",
    DCGANGeneratorConfig: "gan_dcgan_g",
    DCGANDiscriminatorConfig: "gan_dcgan_d",
    CycleGANGeneratorConfig: "gan_cyclegan_resnet9",
    Pix2PixGeneratorConfig: "gan_pix2pix_unet",
    GlobalGeneratorConfig: "gan_pix2pixhd_global",
    LocalEnhancerConfig: "gan_pix2pixhd_local",
    MultiScaleDiscriminatorConfig: "gan_pix2pixhd_multiscale_d",
    PatchDiscriminatorConfig: "gan_patchgan_nlayer",
    PixelDiscriminatorConfig: "gan_patchgan_pixel",
    ProgressiveGeneratorConfig: "gan_pggan_g",
    ProgressiveDiscriminatorConfig: "gan_pggan_d",
    R3GANGeneratorConfig: "gan_r3gan_g",
    R3GANDiscriminatorConfig: "gan_r3gan_d",
    RRDBNetConfig: "gan_rrdbnet_new",
    SRResNetConfig: "gan_srresnet",
    SRVGGNetConfig: "gan_srvgg",
    StyleGAN1GeneratorConfig: "gan_stylegan1_g",
    StyleGAN1DiscriminatorConfig: "gan_stylegan1_d",
    StyleGAN2GeneratorConfig: "gan_stylegan2_g_uncond",
    StyleGAN2DiscriminatorConfig: "gan_stylegan2_d_uncond",
    StyleGAN3GeneratorConfig: "gan_stylegan3_t",
    MoCoGANGeneratorConfig: "gan_mocogan_g",
    MoCoGANImageDiscriminatorConfig: "gan_mocogan_d_image",
    MoCoGANVideoDiscriminatorConfig: "gan_mocogan_d_video",
    DDPMUNetConfig: "dif_ddpm_unet2d_cifar",
    ADMUNetConfig: "dif_adm_unet_uncond_learnsigma",
    ADMClassifierConfig: "dif_adm_classifier_attention_pool",
    SongUNetConfig: "dif_edm_songunet_ddpmpp",
    DhariwalUNetConfig: "dif_edm_dhariwal",
    EDM2UNetConfig: "dif_edm2_precond",
    NCSNppConfig: "dif_ddpm_unet2d_ncsnpp",
    ScoreUNetConfig: "dif_sde_ncsnpp",
}
"""The stem of one golden case of each network; others may hold its further forms."""

_FASTGAN = "no golden case of FastGAN exists; its layers follow the paper and the authors' program"
_GAN2014 = "no golden case of the first GAN exists; its layers follow the paper and the authors' settings for MNIST"
_OWN_CODEC = "the network is Diorama's own: a small codec without the published one's attention, losses and checkpoint"

NOT_HELD: Mapping[type, str] = {
    ByteTextEncoderConfig: "the network is Diorama's own: a plain transformer encoder of bytes, trained along",
    FastGANGeneratorConfig: _FASTGAN,
    FreeFormGeneratorConfig: "no golden case of free-form inpainting exists; its layers follow the paper",
    FastGANDiscriminatorConfig: _FASTGAN,
    GAN2014GeneratorConfig: _GAN2014,
    GAN2014DiscriminatorConfig: _GAN2014,
    FlowPriorConfig: "the layers are the paper's, the prior is Diorama's own and has no checkpoint",
    SpatialCodecConfig: _OWN_CODEC,
    SpatialDecoderConfig: _OWN_CODEC,
    SpatialEncoderConfig: _OWN_CODEC,
    ConvEncoderConfig: "the network is Diorama's own: the VAE's paper has fully connected layers and no checkpoint",
    ConvDecoderConfig: "the network is Diorama's own: the VAE's paper has fully connected layers and no checkpoint",
}
"""Networks that no official implementation can be held against, each with the reason."""
