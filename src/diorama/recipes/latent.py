"""Pictures from text: a flow in the latents of a frozen codec, guided by captions."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.sequence.byte_text import ByteTextEncoderConfig
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import UniformSpacing
from diorama.processes.times import LogitNormalTimes
from diorama.recipes.pictures import pictures_of
from diorama.recipes.vae import spatial_codec
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_SMALLEST = 4
_TIMES = 1_000.0
"""The U-Net embeds times in waves made for 0 … 1,000; those of a flow lie in [0, 1]."""


def latent_text(info: DataInfo) -> Recipe:
    """A text-to-image model of latents for one GPU.

    Command: ``diorama train latent_text --data DATA --frozen.codec runs/vae --out runs/latent``, where ``runs/vae``
    is a run of ``vae_spatial`` on the same pictures.
    Hardware and time: one GPU; not yet run at this size.

    Args:
        info: pictures with captions; height and width multiples of 32.

    Raises:
        BadConfig: the data are clips, of another size, or have no captions.

    Reference: R. Rombach et al., arXiv:2112.10752 (latents, cross-attention); P. Esser et al., arXiv:2403.03206
    (flow, logit-normal times); J. Ho, T. Salimans, arXiv:2207.12598 (guidance).
    """
    text = ByteTextEncoderConfig(length=_length(info), width=384, depth=6, heads=6)
    return Recipe(
        name="latent_text",
        method=_method(info, width=192, depth=2, text=text),
        optimizers=_optimizer(peak=2e-4, warmup=200_000),
        images=20_000_000,
        batch_size=256,
        averages={"ema": AverageConfig(half_life=500_000)},
        precompute=True,
        evaluation=EvaluationConfig(every=2_000_000, samples=5_000),
        preview_every=500_000,
        checkpoint_every=1_000_000,
        log_every=12_800,
    )


def latent_text_cpu(info: DataInfo) -> Recipe:
    """A small text-to-image model of latents that follows captions after ten minutes on two CPU cores.

    Command: ``diorama train latent_text_cpu --data DATA --frozen.codec runs/vae --out runs/latent``, where ``runs/vae``
    is a run of ``vae_spatial_cpu`` on the same pictures.
    Hardware and time: two CPU cores; eight minutes at 64 x 64.

    Args:
        info: pictures with captions; height and width multiples of 16.

    Raises:
        BadConfig: the data are clips, of another size, or have no captions.
    """
    text = ByteTextEncoderConfig(length=_length(info), width=96, depth=2, heads=4)
    return Recipe(
        name="latent_text_cpu",
        method=_method(info, width=56, depth=1, text=text),
        optimizers=_optimizer(peak=1e-3, warmup=6_400),
        images=40_000,
        batch_size=64,
        averages={"ema": AverageConfig(half_life=10_000, ramp_up=0.1)},
        precompute=True,
        evaluation=EvaluationConfig(every=0, samples=500),
        preview_every=10_000,
        checkpoint_every=20_000,
        log_every=2_560,
    )


def _length(info: DataInfo) -> int:
    captions = info.condition("tokens")
    if captions is None:
        raise BadConfig(f"data: {info.name} has no captions; prepare it with a table that has a column caption")
    return captions.shape[0]


def _method(info: DataInfo, *, width: int, depth: int, text: ByteTextEncoderConfig) -> DiffusionMethodConfig:
    media = pictures_of(info)
    codec = spatial_codec(info)
    latent = codec.latent(media)
    levels, sides = 1, (latent.height, latent.width)
    while min(sides) >> levels >= _SMALLEST and all(side % (1 << levels) == 0 for side in sides):
        levels += 1
    captions = info.condition("tokens")
    assert captions is not None, "_length has looked"
    network = DDPMUNetConfig(
        in_channels=latent.channels,
        out_channels=latent.channels,
        widths=(width, *[2 * width] * (levels - 1)),
        depth=depth,
        # Latents are few, so that every level can afford to read the text.
        attention=(True,) * levels,
        groups=8,
        text=text.width,
        head_channels=32,
        embedding=EmbeddingConfig(width=2 * width),
    )
    return DiffusionMethodConfig(
        synthesizer=DiffusionSynthesizerConfig(
            media=media,
            conditions=(replace(captions, null=0.0, dropout=0.1),),
            codec=codec,
            encoder=text,
            denoiser=network,
            process=FlowProcess(),
            preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=_TIMES),
            spacing=UniformSpacing(),
            steps=25,
            guidance=3.0,
        ),
        times=LogitNormalTimes(),
    )


def _optimizer(*, peak: float, warmup: int) -> dict[str, OptimizerConfig]:
    rate = RateConfig(peak=peak, warmup=warmup)
    return {"denoiser": OptimizerConfig(algorithm="adamw", rate=rate, betas=(0.9, 0.99), weight_decay=0.01, clip=1.0)}
