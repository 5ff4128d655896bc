"""The first GAN, at the authors' sizes for MNIST."""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.gan import GANConfig
from diorama.networks.adversarial.gan2014 import GAN2014DiscriminatorConfig, GAN2014GeneratorConfig
from diorama.recipes.pictures import pictures_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe


def gan2014(info: DataInfo) -> Recipe:
    """The GAN of 2014, for small pictures of any size: layers over all their values.

    Command: ``diorama train gan2014 --data DATA --out runs/gan``
    Hardware and time: two CPU cores; a million pictures of 28 x 28 take a quarter of an hour (1,300 a second on
        one core).
    Reference: Goodfellow et al. 2014, arXiv 1406.2661, algorithm 1 and section 5, with the non-saturating loss of
        section 3 and batches of 100. The authors descend with momentum at a rate that falls from 0.1; Adam at 2e-4,
        with beta1 0.5 as in DCGAN, is in its place.

    Raises:
        BadConfig: the data are clips.
    """
    media = pictures_of(info, "this GAN")
    size = (media.height, media.width)
    adam = OptimizerConfig(rate=RateConfig(peak=2e-4), betas=(0.5, 0.999))
    return Recipe(
        name="gan2014",
        method=GANConfig(
            media=media,
            generator=GAN2014GeneratorConfig(size=size, channels=media.channels),
            discriminator=GAN2014DiscriminatorConfig(size=size, channels=media.channels),
        ),
        optimizers={"discriminator": adam, "generator": adam},
        images=1_000_000,
        batch_size=100,
        averages={"ema": AverageConfig(half_life=10_000)},
        evaluation=EvaluationConfig(every=200_000, samples=2_000, beside=("recall@lite",)),
        preview_every=100_000,
        checkpoint_every=200_000,
    )
