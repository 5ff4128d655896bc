"""Tiny untrained models for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.networks.adversarial.dcgan import DCGANGeneratorConfig
from diorama.networks.adversarial.freeform import FreeFormGeneratorConfig
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.codecs.flow_prior import FlowPriorConfig
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.motion.mocogan import MoCoGANGeneratorConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.gan import GANSynthesizer, GANSynthesizerConfig
from diorama.synthesis.inpainting import InpaintingSynthesizer, InpaintingSynthesizerConfig
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.vae import VAESynthesizer, VAESynthesizerConfig
from diorama.synthesis.video_gan import VideoGANSynthesizer, VideoGANSynthesizerConfig


def tiny_gan(channels: int = 3, dtype: Literal["uint8", "uint16", "float32"] = "uint8") -> GANSynthesizer:
    """Pictures of 8 x 8."""
    torch.manual_seed(0)
    high = {"uint8": 255.0, "uint16": 4095.0, "float32": 1.0}[dtype]
    return GANSynthesizerConfig(
        media=MediaSpec(kind="image", channels=channels, height=8, width=8, dtype=dtype, high=high),
        generator=DCGANGeneratorConfig(size=(8, 8), channels=channels, features=4, latent=5),
    ).build().eval()  # fmt: skip


def tiny_vae(dtype: Literal["uint8", "float32"] = "uint8", *, prior: bool = False) -> VAESynthesizer:
    """Pictures of 8 x 8, from a learned prior or a normal one."""
    torch.manual_seed(0)
    high = 255.0 if dtype == "uint8" else 1.0
    return VAESynthesizerConfig(
        media=MediaSpec(kind="image", channels=1, height=8, width=8, dtype=dtype, high=high),
        encoder=ConvEncoderConfig(size=(8, 8), channels=1, features=8, latent=3),
        decoder=ConvDecoderConfig(size=(8, 8), channels=1, features=8, latent=3),
        prior=FlowPriorConfig(latent=3, features=8) if prior else None,
    ).build().eval()  # fmt: skip


def tiny_video_gan(classes: tuple[str, ...] = (), channels: int = 3) -> VideoGANSynthesizer:
    """Clips of four frames of 8 x 8."""
    torch.manual_seed(0)
    return VideoGANSynthesizerConfig(
        media=MediaSpec(kind="video", channels=channels, height=8, width=8, frames=4, fps=8.0),
        conditions=(ConditionSpec(key="label", names=classes, null=-1),) if classes else (),
        generator=MoCoGANGeneratorConfig(
            size=(8, 8), channels=channels, features=4, content=4, motion=3, categories=len(classes)
        ),
    ).build().eval()  # fmt: skip


def tiny_diffusion(classes: tuple[str, ...] = ()) -> DiffusionSynthesizer:
    """Grey pictures of 8 x 8 in four steps, with or without labels; its weights are random."""
    torch.manual_seed(0)
    embedding = (
        EmbeddingConfig(label="table", classes=len(classes), unconditional=True) if classes else EmbeddingConfig()
    )
    network = DDPMUNetConfig(
        in_channels=1, out_channels=1, widths=(8, 8), depth=1, attention=(False, True), groups=4, embedding=embedding
    )
    label = ConditionSpec(key="label", names=classes, null=len(classes))
    model = DiffusionSynthesizerConfig(
        media=MediaSpec(kind="image", channels=1, height=8, width=8),
        conditions=(label,) if classes else (),
        denoiser=network,
        process=DiscreteProcess(steps=20, last=0.3),
        preconditioning=TargetPreconditioning(predicts="velocity"),
        steps=4,
    ).build().eval()  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return model


def filler() -> InpaintingSynthesizer:
    """Fills holes in grey pictures of 8 x 8."""
    torch.manual_seed(0)
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    network = FreeFormGeneratorConfig(inputs=2, outputs=1, width=2)
    return InpaintingSynthesizerConfig(media=media, inpainter=network).build().eval()


def enlarger(channels: int = 1, classes: tuple[str, ...] = ()) -> DiffusionSynthesizer:
    """From 8 x 8 to 16 x 16."""
    config = tiny_diffusion(classes).config
    picture = ConditionSpec(key="image", shape=(channels, 8, 8))
    larger = replace(
        config,
        media=replace(config.media, height=16, width=16, channels=channels),
        conditions=(*config.conditions, picture),
        denoiser=replace(config.denoiser, picture=channels, in_channels=channels, out_channels=channels),
    )
    torch.manual_seed(1)
    model = larger.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return model


def tiny_stylegan(classes: tuple[str, ...] = ()) -> GANSynthesizer:
    """Pictures of 16 x 16; its styles have 8 values, and its layers add noise."""
    torch.manual_seed(0)
    model = GANSynthesizerConfig(
        media=MediaSpec(kind="image", channels=3, height=16, width=16),
        conditions=(ConditionSpec(key="label", names=classes),) if classes else (),
        generator=StyleGAN2GeneratorConfig(
            size=16, latent=8, style=8, channel_base=64, channel_max=8, classes=len(classes),
            mapping=StyleMappingConfig(layers=2, lr_multiplier=1.0),
        ),
    ).build().eval()  # fmt: skip
    for name, parameter in model.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.constant_(parameter, 0.2)
    return model.requires_grad_(False)


def saved(model: Synthesizer, folder: Path) -> Path:
    """The model's folder."""
    store.save(folder, model.config, model.state_dict(), Provenance(), "# A model of tests")
    return folder
