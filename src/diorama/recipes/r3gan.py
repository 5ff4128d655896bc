"""R3GAN: the authors' settings by size, and a narrow one for a CPU."""

from __future__ import annotations

from typing import NamedTuple

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.joint import JointPenalties
from diorama.networks.adversarial.r3gan import R3GANDiscriminatorConfig, R3GANGeneratorConfig
from diorama.recipes.pictures import side_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_LENGTH = 20_000_000
"""Images over which everything falls or rises, for CIFAR-10 and FFHQ."""


class _Size(NamedTuple):
    """What depends on the side of the pictures.

    Attributes:
        widths: of the generator's stages.
        gamma: of both penalties at the beginning; a tenth of it at the end.
        batch: pictures of a step.
        half_life: of the average at the end, in images.
        half: stages of the generator in half precision.
    """

    widths: tuple[int, ...]
    gamma: float
    batch: int
    half_life: int
    half: tuple[int, ...]


_SIZES = {
    32: _Size((768,) * 4, 0.05, 512, 5_000_000, (1, 2, 3)),
    64: _Size((768, 768, 768, 768, 384), 2.0, 256, 500_000, (1, 2, 3, 4)),
    # Not published: the stages are those of 256 pixels without the last, and gamma lies between 2 and its 150.
    128: _Size((768, 768, 768, 768, 384, 192), 20.0, 256, 500_000, (2, 3, 4, 5)),
}


def r3gan(info: DataInfo) -> Recipe:
    """R3GAN at the authors' settings, for squares of 32, 64 and 128 pixels; it takes labels where the data have them.

    Generated and real pictures are judged in pairs, and the discriminator is held flat at both in every step. Rate and
    penalties fall, Adam's second beta and the average's half-life rise along cosines. Those of 32 pixels are the
    authors' for CIFAR-10, those of 64 for FFHQ; of 128 nothing is published, and the penalties' weight is a guess
    between those of 64 and 256.

    Command: ``diorama train r3gan --data DATA --out runs/r3gan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Huang, Gokaslan, Kuleshov, Tompkin 2025, arXiv 2501.05441, equations 2 and 4 and the appendix's table of
        hyperparameters, without the authors' augmentation, which rises to a share of 0.55 (CIFAR-10) or 0.3 (FFHQ).

    Raises:
        BadConfig: the data are clips, or pictures that are not squares of 32, 64 or 128 pixels.
    """
    size = _SIZES[side_of(info, "R3GAN", _SIZES)]
    return Recipe(
        name="r3gan",
        method=_method(info, size, blocks=2, group=8, latent=64),
        optimizers=_optimizers(),
        images=_LENGTH,
        batch_size=size.batch,
        flip=True,
        averages={"ema": AverageConfig(half_life=size.half_life, ramp_up=None, rise=_LENGTH, buffers="copied")},
        evaluation=EvaluationConfig(every=500_000, samples=5_000, beside=("recall@lite",)),
        preview_every=250_000,
        checkpoint_every=500_000,
    )


def r3gan_cpu(info: DataInfo) -> Recipe:
    """A narrow R3GAN, which takes labels where the data have them, for two CPU cores.

    Command: ``diorama train r3gan_cpu --data DATA --out runs/r3gan``
    Hardware and time: two CPU cores; 200,000 pictures of 32 x 32 take about an hour (54 a second on one core).
    Reference: as :func:`r3gan`, with an eighth of the width and less, one block a stage, and fewer, larger groups.

    Raises:
        BadConfig: the data are clips, or pictures that are not squares of 16, 32, 64 or 128 pixels.
    """
    side = side_of(info, "R3GAN", (16, 32, 64, 128))
    widths = (96, 64, 32, 16, 16, 8)[: side.bit_length() - 2]
    length = 200_000
    return Recipe(
        name="r3gan_cpu",
        method=_method(info, _Size(widths, 0.1, 32, 10_000, ()), blocks=1, group=16, latent=64, length=length),
        optimizers=_optimizers(),
        images=length,
        batch_size=32,
        averages={"ema": AverageConfig(half_life=10_000, buffers="copied")},
        evaluation=EvaluationConfig(every=100_000, samples=2_000, beside=("recall@lite",)),
        preview_every=50_000,
        checkpoint_every=50_000,
    )


def _method(info: DataInfo, size: _Size, *, blocks: int, group: int, latent: int, length: int = _LENGTH) -> GANConfig:
    label = info.condition("label") if len(info.classes) > 1 else None
    classes, stages = len(info.classes) if label is not None else 0, len(size.widths)
    # Of the maps inside blocks, which are twice as wide, twice as many belong to a group.
    groups = tuple(max(1, width // group) for width in size.widths)
    generator = R3GANGeneratorConfig(
        channels=info.media.channels,
        widths=size.widths,
        groups=groups,
        blocks=(blocks,) * stages,
        latent=latent,
        classes=classes,
        embedding=latent if classes else 0,
        half=size.half,
    )
    discriminator = R3GANDiscriminatorConfig(
        channels=info.media.channels,
        widths=size.widths[::-1],
        groups=groups[::-1],
        blocks=(blocks,) * stages,
        classes=classes,
        embedding=size.widths[0] if classes else 0,
        half=tuple(sorted(stages - 1 - stage for stage in size.half)),
    )
    return GANConfig(
        media=info.media,
        generator=generator,
        discriminator=discriminator,
        loss="relativistic",
        conditions=(label,) if label is not None else (),
        joint=JointPenalties(r1=size.gamma, r2=size.gamma, final=0.1, fall=length),
    )


def _optimizers() -> dict[str, OptimizerConfig]:
    rate = RateConfig(peak=2e-4, decay="cosine", final=0.25)
    adam = OptimizerConfig(rate=rate, betas=(0.0, 0.9), beta2_final=0.99)
    return {"discriminator": adam, "generator": adam}
