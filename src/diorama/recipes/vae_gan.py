"""VAE-GAN: the paper's settings, and a narrow one for a CPU."""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.vae_gan import VAEGANConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.networks.codecs.vae import ConvEncoderConfig
from diorama.nn.pyramid import pyramid
from diorama.recipes.pictures import pictures_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def vae_gan(info: DataInfo) -> Recipe:
    """VAE-GAN, of DCGAN's networks and a VAE's encoder, for pictures that halve down to a small map.

    Command: ``diorama train vae_gan --data DATA --out runs/vae_gan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Larsen, Sønderby, Larochelle, Winther 2016, arXiv 1512.09300, algorithm 1, sections 2 and 4: RMSProp at
        3e-4, batches of 64, codes of 128 numbers. The comparison in the discriminator is a mean over
        feature values here and a sum in the paper, so gamma is of another scale.

    Raises:
        BadConfig: the data are clips.
    """
    return _recipe(info, "vae_gan", features=64, latent=128, images=2_000_000)


def vae_gan_cpu(info: DataInfo) -> Recipe:
    """A narrow VAE-GAN for two CPU cores.

    Command: ``diorama train vae_gan_cpu --data DATA --out runs/vae_gan``
    Hardware and time: two CPU cores; 200,000 pictures of 32 x 32 take twenty minutes (150 a second on one core).
    Reference: as :func:`vae_gan`, with a quarter of the width, and a light R1 penalty on the discriminator, as
        ``dcgan_cpu`` has it.

    Raises:
        BadConfig: as :func:`vae_gan`.
    """
    return _recipe(info, "vae_gan_cpu", features=16, latent=64, images=200_000, r1=0.02)


def _recipe(info: DataInfo, name: str, *, features: int, latent: int, images: int, r1: float = 0.0) -> Recipe:
    media = pictures_of(info, "VAE-GAN")
    size, channels = (media.height, media.width), media.channels
    halvings, _ = pyramid(size)
    descent = OptimizerConfig(algorithm="rmsprop", rate=RateConfig(peak=3e-4), betas=(0.0, 0.9))
    return Recipe(
        name=name,
        method=VAEGANConfig(
            media=media,
            encoder=ConvEncoderConfig(size=size, channels=channels, features=features, latent=latent),
            generator=DCGANGeneratorConfig(size=size, channels=channels, features=features, latent=latent),
            discriminator=DCGANDiscriminatorConfig(size=size, channels=channels, features=features),
            # The third, as in the paper, where there are as many.
            layer=min(2, halvings - 1),
            r1=r1,
        ),
        optimizers=dict.fromkeys(("discriminator", "encoder", "generator"), descent),
        images=images,
        batch_size=64,
        averages={"ema": AverageConfig(half_life=images // 100)},
        evaluation=EvaluationConfig(every=images // 10, samples=2_000, beside=("recall@lite",)),
        preview_every=images // 20,
        checkpoint_every=images // 10,
    )
