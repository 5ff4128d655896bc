"""FastGAN: the authors' settings, and a narrow one for a CPU."""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.adversarial.fastgan import FastGANConfig
from diorama.networks.adversarial.fastgan import FastGANDiscriminatorConfig, FastGANGeneratorConfig
from diorama.recipes.lengths import STEPS_OF_HALF_LIFE
from diorama.recipes.pictures import side_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_SIDES = (32, 64, 128, 256, 512, 1024)


def fastgan(info: DataInfo) -> Recipe:
    """FastGAN, for 100 to 2,000 pictures: squares of 256 pixels and more, or from 32 on with fewer stages.

    The discriminator redraws real pictures from its own maps. The paper compares them by LPIPS on VGG; here it is by
    pixels and by the feature maps of ``lite``, which comes with the package.

    Command: ``diorama train fastgan --data DATA --out runs/fastgan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Liu, Zhu, Song, Elgammal 2021, arXiv 2101.04775, section 4 and the authors' code: batches of 8, Adam at
        2e-4 with beta1 0.5, 50,000 steps, an average of the generator with a decay of 0.999, colours and moves of
        DiffAugment.

    Raises:
        BadConfig: the data are clips, or pictures that are not squares of a power of two from 32 to 1024 pixels.
    """
    return _recipe(info, "fastgan", width=64, latent=256, images=400_000)


def fastgan_cpu(info: DataInfo) -> Recipe:
    """A narrow FastGAN for two CPU cores.

    Command: ``diorama train fastgan_cpu --data DATA --out runs/fastgan``
    Hardware and time: two CPU cores; 20,000 pictures of 32 x 32 take about half an hour (13 a second on one core), of
        64 x 64 an hour.
    Reference: as :func:`fastgan`, at an eighth of the width.

    Raises:
        BadConfig: as :func:`fastgan`.
    """
    return _recipe(info, "fastgan_cpu", width=8, latent=64, images=20_000)


def _recipe(info: DataInfo, name: str, *, width: int, latent: int, images: int) -> Recipe:
    media, side, batch = info.media, side_of(info, "FastGAN", _SIDES), 8
    adam = OptimizerConfig(rate=RateConfig(peak=2e-4), betas=(0.5, 0.999))
    return Recipe(
        name=name,
        method=FastGANConfig(
            media=media,
            generator=FastGANGeneratorConfig(side=side, channels=media.channels, width=width, latent=latent),
            discriminator=FastGANDiscriminatorConfig(side=side, channels=media.channels, width=width),
            augment=DiffAugmentConfig(cutout=0.0),
        ),
        optimizers={"discriminator": adam, "generator": adam},
        images=images,
        batch_size=batch,
        flip=True,
        averages={"ema": AverageConfig(half_life=STEPS_OF_HALF_LIFE * batch, buffers="copied")},
        evaluation=EvaluationConfig(every=images // 4, samples=1_000, beside=("recall@lite",)),
        preview_every=images // 8,
        checkpoint_every=images // 8,
    )
