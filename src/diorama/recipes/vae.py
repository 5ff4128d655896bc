"""A convolutional VAE: for a GPU, and for a CPU."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.variational.vae import VAEConfig
from diorama.networks.codecs.flow_prior import FlowPriorConfig
from diorama.networks.codecs.spatial import SpatialCodecConfig, SpatialDecoderConfig, SpatialEncoderConfig
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.recipes.pictures import pictures_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def vae(info: DataInfo) -> Recipe:
    """A residual convolutional VAE with a calibrated decoder, for pictures that halve down to 4 to 7 pixels.

    Pictures must also agree in the feature maps of ``lite``, without which they are drawn blurred. ``fd@lite`` then
    measures with what was trained on, and flatters it beside generators that were not.

    Command: ``diorama train vae --data DATA --out runs/vae``
    Hardware and time: one GPU; 3 million pictures of 32 x 32 take 11 minutes on an H100 (4,400 a second while three
        runs shared it).
    Reference: Kingma, Welling 2014, arXiv 1312.6114; Rybkin et al. 2021, arXiv 2006.13202 (learned scale); Hou et al.
        2017, arXiv 1610.00291 (feature maps).
    """
    return Recipe(
        name="vae",
        method=_method(info, features=64, blocks=2, latent=128),
        optimizers=_optimizer(peak=5e-4, warmup=20_000),
        images=3_000_000,
        batch_size=128,
        averages={"ema": AverageConfig(half_life=50_000)},
        evaluation=EvaluationConfig(every=300_000, samples=5_000),
        preview_every=100_000,
        checkpoint_every=200_000,
    )


def vae_cpu(info: DataInfo) -> Recipe:
    """A small convolutional VAE (under 2 million parameters) that is useful within minutes on two cores.

    Its prior is learned: a standard normal one was narrower than the latents of training pictures, and what was drawn
    from it had little variety (benchmarks/results/cifar10_cpu.md).

    Command: ``diorama train vae_cpu --data DATA --out runs/vae``
    Hardware and time: two CPU cores; half a million pictures of 32 x 32 take about 15 minutes.
    Reference: as :func:`vae`; the prior: Dinh et al. 2017, arXiv 1605.08803; Chen et al. 2017, arXiv 1611.02731.
    """
    return Recipe(
        name="vae_cpu",
        method=replace(_method(info, features=24, blocks=1, latent=64), prior=FlowPriorConfig(latent=64)),
        optimizers=_optimizer(peak=1e-3, warmup=2_000),
        images=500_000,
        batch_size=64,
        averages={"ema": AverageConfig(half_life=10_000)},
        evaluation=EvaluationConfig(every=100_000, samples=2_000),
        preview_every=50_000,
        checkpoint_every=50_000,
    )


def vae_spatial(info: DataInfo) -> Recipe:
    """A VAE whose latents are pictures of 4 channels and a quarter of the size: the codec of a latent model.

    Command: ``diorama train vae_spatial --data DATA --out runs/vae``
    Hardware and time: one GPU; not yet run at this size.
    Reference: R. Rombach et al. 2022, arXiv 2112.10752, section 3.1; Rybkin et al. 2021, arXiv 2006.13202 (learned
        scale, in place of losses of features and of a discriminator).
    """
    return replace(vae(info), name="vae_spatial", method=_spatial(info, features=64, blocks=2))


def vae_spatial_cpu(info: DataInfo) -> Recipe:
    """A small VAE whose latents are pictures of 4 channels and a quarter of the size.

    Command: ``diorama train vae_spatial_cpu --data DATA --out runs/vae``
    Hardware and time: two CPU cores; 100,000 pictures of 32 x 32 take about five minutes, of 64 x 64 eleven.
    Reference: as :func:`vae_spatial`.
    """
    return replace(vae_cpu(info), name="vae_spatial_cpu", method=_spatial(info, features=32, blocks=1), images=100_000)


def spatial_codec(info: DataInfo, *, features: int = 32, blocks: int = 1) -> SpatialCodecConfig:
    """The codec that these recipes train, as a part of a latent model.

    Raises:
        BadConfig: the data are clips, or of a size that cannot be halved twice.
    """
    media = info.media
    if media.kind != "image" or media.height % 4 or media.width % 4:
        raise BadConfig(
            f"{info.name} holds {media.kind}s of {media.height} x {media.width}; spatial latents are of pictures whose "
            "height and width are multiples of 4"
        )
    size, channels = (media.height, media.width), media.channels
    return SpatialCodecConfig(
        encoder=SpatialEncoderConfig(size=size, channels=channels, features=features, blocks=blocks),
        decoder=SpatialDecoderConfig(size=size, channels=channels, features=features, blocks=blocks),
    )


def _spatial(info: DataInfo, *, features: int, blocks: int) -> VAEConfig:
    codec = spatial_codec(info, features=features, blocks=blocks)
    return VAEConfig(media=info.media, encoder=codec.encoder, decoder=codec.decoder)


def _method(info: DataInfo, *, features: int, blocks: int, latent: int) -> VAEConfig:
    media = pictures_of(info, "the VAE")
    size = (media.height, media.width)
    return VAEConfig(
        media=media,
        encoder=ConvEncoderConfig(size=size, channels=media.channels, features=features, blocks=blocks, latent=latent),
        decoder=ConvDecoderConfig(size=size, channels=media.channels, features=features, blocks=blocks, latent=latent),
        perceptual=1.0,
    )


def _optimizer(*, peak: float, warmup: int) -> dict[str, OptimizerConfig]:
    rate = RateConfig(peak=peak, warmup=warmup)
    return {"autoencoder": OptimizerConfig(algorithm="adamw", rate=rate, weight_decay=1e-4, clip=10.0)}
