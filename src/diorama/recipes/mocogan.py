"""MoCoGAN: the paper's recipe, and one for a CPU."""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.mocogan import MoCoGANConfig
from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminatorConfig,
)
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def mocogan(info: DataInfo) -> Recipe:
    """MoCoGAN at the paper's size, for clips of 16 frames of 64 x 64 and near it.

    Clips with labels are drawn by label.

    Command: ``diorama train mocogan --data DATA --out runs/mocogan``
    Hardware and time: one GPU; 400 thousand clips take 10 minutes on an H100 (700 a second while three runs shared
        it).
    Reference: Tulyakov et al. 2018, arXiv 1707.04993, section 4: Adam at 2e-4 with beta1 0.5, batches of 32, one
        discriminator of frames and one of clips, noise of 0.1 before their convolutions.
    """
    return Recipe(
        name="mocogan",
        method=_method(info, generator=64, frames=64, clips=64),
        optimizers=_optimizers(peak=2e-4),
        images=400_000,
        batch_size=32,
        averages={"ema": AverageConfig(half_life=4_000)},
        evaluation=EvaluationConfig(every=40_000, samples=1_000),
        preview_every=10_000,
        checkpoint_every=40_000,
        log_every=1_000,
    )


def mocogan_cpu(info: DataInfo) -> Recipe:
    """A narrow MoCoGAN that shows moving shapes within minutes on two cores.

    Command: ``diorama train mocogan_cpu --data DATA --out runs/mocogan``
    What counts on a CPU is how many steps there are: a quarter of the paper's width and batch, at three times its rate,
    came to an fd@lite of 10 on mocogan_shapes after 20 thousand clips; half of its width, at its rate, to 16.

    Hardware and time: two CPU cores; 30 clips of 16 frames of 64 x 64 a second.
    Reference: Tulyakov et al. 2018, arXiv 1707.04993.
    """
    return Recipe(
        name="mocogan_cpu",
        method=_method(info, generator=16, frames=16, clips=8),
        optimizers=_optimizers(peak=6e-4),
        images=30_000,
        batch_size=8,
        averages={"ema": AverageConfig(half_life=500)},
        evaluation=EvaluationConfig(every=10_000, samples=256),
        preview_every=2_000,
        checkpoint_every=4_000,
        log_every=160,
    )


def _method(info: DataInfo, *, generator: int, frames: int, clips: int) -> MoCoGANConfig:
    media = info.media
    if media.kind != "video" or media.frames is None:
        raise BadConfig(
            f"{info.name} holds pictures; MoCoGAN draws clips: prepare videos, folders of frames or film strips"
        )
    size, channels, categories = (media.height, media.width), media.channels, len(info.classes)
    return MoCoGANConfig(
        media=media,
        classes=info.classes,
        generator=MoCoGANGeneratorConfig(size=size, channels=channels, features=generator, categories=categories),
        image_discriminator=MoCoGANImageDiscriminatorConfig(size=size, channels=channels, features=frames, noise=0.1),
        video_discriminator=MoCoGANVideoDiscriminatorConfig(
            size=size, frames=media.frames, channels=channels, features=clips, categories=categories, noise=0.1
        ),
    )


def _optimizers(*, peak: float) -> dict[str, OptimizerConfig]:
    adam = OptimizerConfig(algorithm="adam", rate=RateConfig(peak=peak), betas=(0.5, 0.999), weight_decay=1e-5)
    return dict.fromkeys(("image_discriminator", "video_discriminator", "generator"), adam)
