"""DCGAN: the paper's recipe, and one for a CPU."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.gan import GANConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.recipes.pictures import pictures_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def dcgan(info: DataInfo) -> Recipe:
    """DCGAN at the paper's size, for pictures of 32 or 64 pixels and whatever else halves down to 4 to 7.

    Command: ``diorama train dcgan --data DATA --out runs/dcgan``
    Hardware and time: one GPU; 2 million pictures of 32 x 32 take 4 minutes on an H100 (9,000 a second while three
        runs shared it).
    Reference: Radford, Metz, Chintala 2016, arXiv 1511.06434, section 4: Adam at 2e-4 with beta1 0.5, batches of 128.
    """
    return Recipe(
        name="dcgan",
        method=_method(info, features=64, latent=100),
        optimizers=_optimizers(),
        images=2_000_000,
        batch_size=128,
        averages={"ema": AverageConfig(half_life=20_000)},
        evaluation=EvaluationConfig(every=200_000, samples=5_000, beside=("recall@lite",)),
        preview_every=100_000,
        checkpoint_every=200_000,
    )


def dcgan_cpu(info: DataInfo) -> Recipe:
    """A narrow DCGAN (under 2 million parameters) that draws recognisable shapes within minutes on two cores.

    A light R1 penalty keeps its discriminator from running ahead: on CIFAR-10, after half a million pictures, it
    brought fd@lite from 17.7 to 11.5 (both with mirrored pictures).

    Command: ``diorama train dcgan_cpu --data DATA --out runs/dcgan``
    Hardware and time: two CPU cores; half a million pictures of 32 x 32 take about 15 minutes.
    Reference: Radford, Metz, Chintala 2016, arXiv 1511.06434, with smaller batches, so that a short run takes more
        steps, and a quarter to a half of the width; Mescheder, Geiger, Nowozin 2018, arXiv 1801.04406 (R1).
    """
    return Recipe(
        name="dcgan_cpu",
        method=replace(_method(info, features=32, latent=64), r1=0.02),
        optimizers=_optimizers(),
        images=500_000,
        batch_size=64,
        averages={"ema": AverageConfig(half_life=5_000)},
        evaluation=EvaluationConfig(every=100_000, samples=2_000, beside=("recall@lite",)),
        preview_every=50_000,
        checkpoint_every=50_000,
    )


def _method(info: DataInfo, *, features: int, latent: int) -> GANConfig:
    media = pictures_of(info, "DCGAN")
    size = (media.height, media.width)
    return GANConfig(
        media=media,
        generator=DCGANGeneratorConfig(size=size, channels=media.channels, features=features, latent=latent),
        discriminator=DCGANDiscriminatorConfig(size=size, channels=media.channels, features=features),
    )


def _optimizers() -> dict[str, OptimizerConfig]:
    adam = OptimizerConfig(algorithm="adam", rate=RateConfig(peak=2e-4), betas=(0.5, 0.999))
    return {"discriminator": adam, "generator": adam}
